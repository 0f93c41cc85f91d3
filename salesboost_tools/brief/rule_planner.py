"""Choose the next tool calls by rules, without a model."""

from collections.abc import Iterable, Sequence

from langchain_core.messages import AIMessage, AnyMessage

from salesboost_tools.brief.calls import COMPETITOR, CRM, KNOWLEDGE, Call, crm, planned
from salesboost_tools.brief.findings import Findings
from salesboost_tools.brief.heard import objections_heard
from salesboost_tools.brief.offers import quotes_wanted
from salesboost_tools.brief.playbook import Playbook, shipped_playbook

_PAGE = 50
_PASSAGES = 3
_CARD_ASPECTS = ("comparison", "pricing", "objections", "weaknesses")


class RulePlanner:
    """Asks for everything that what is known so far makes worth asking, and nothing twice.

    There are no fixed rounds: each time it lists what is wanted, given what was found, and leaves out what was asked.
    The most important questions to a tool come first, for a tool's rate may not last for all of them.

    Args:
        playbook: Which words lead to which questions; the shipped one if None.
    """

    name = "RulePlanner (rules, no model)"

    def __init__(self, playbook: Playbook | None = None) -> None:
        self._playbook = playbook or shipped_playbook()

    def plan(self, messages: Sequence[AnyMessage], found: Findings) -> AIMessage:
        """Return the next calls as one message; one without calls if nothing is left to ask."""
        del messages
        calls = [call for call in self.wanted(found) if found.answer_to(call) is None]
        why = f"{len(calls)} questions follow from what is known." if calls else "Everything worth asking was asked."
        return planned(calls, why)

    async def aplan(self, messages: Sequence[AnyMessage], found: Findings) -> AIMessage:
        """Do as `plan`: there is nothing to wait for."""
        return self.plan(messages, found)

    def wanted(self, found: Findings) -> list[Call]:
        """Return all calls that what is known gives a reason for, whether asked already or not."""
        calls = self._about_account(found)
        if not any(answer.asked(CRM, operation="list", record_type="activity") for answer in found.answers):
            return calls
        calls += self._about_rivalry(found)
        calls += [Call(KNOWLEDGE, {"query": question, "top_k": _PASSAGES}) for question in self._questions(found)]
        return calls + quotes_wanted(found, self._playbook)

    def _about_account(self, found: Findings) -> list[Call]:
        account = [] if found.account else [crm("get", "account", record_id=found.account_id)]
        kinds = ("activity", "contact", "deal")
        return account + [crm("list", kind, account_id=found.account_id, limit=_PAGE) for kind in kinds]

    def _about_rivalry(self, found: Findings) -> Iterable[Call]:
        """Ask the battlecard, and the CRM for deals like this one: won ones to refer to, then stalled ones."""
        competitor = found.deal.competitor if found.deal else None
        if not competitor:
            return
        for aspect in _CARD_ASPECTS:
            yield Call(COMPETITOR, {"competitor": competitor, "aspect": aspect})
        won = crm("list", "deal", stage="won", competitor=competitor, limit=_PAGE)
        yield won
        similar_known = found.answered(CRM, record_type="deal", stalled_days=self._playbook.stalled.after_days)
        if similar_known is None and found.answer_to(won):
            days = self._playbook.stalled.after_days
            yield crm("list", "deal", competitor=competitor, stalled_days=days, limit=_PAGE)

    def _questions(self, found: Findings) -> Iterable[str]:
        """Yield what to ask the knowledge base."""
        playbook, deal = self._playbook, found.deal
        heard = objections_heard(found, playbook)
        for each in heard:
            yield each.objection.question
        if deal is None:
            return
        if deal.silent_days >= playbook.stalled.after_days:
            yield playbook.stalled.question
        if any(each.objection.matches_price for each in heard):
            yield playbook.approval.question
        for person in found.contacts:
            last = found.last_contact_with(person.id)
            silent = last is None or found.days_since(last.at) >= playbook.power.after_days
            if person.role == playbook.power.role and silent:
                yield playbook.power.question
                return
