"""Write the brief by rules, without a model."""

from collections.abc import Sequence

from langchain_core.messages import AnyMessage

from salesboost_tools.brief.account_brief import AccountBrief
from salesboost_tools.brief.findings import Findings
from salesboost_tools.brief.heard import competitors_offer, objections_heard
from salesboost_tools.brief.playbook import Playbook, shipped_playbook
from salesboost_tools.brief.sources import sources_of
from salesboost_tools.brief.writing import situation
from salesboost_tools.brief.writing.competition import competition
from salesboost_tools.brief.writing.left_out import left_out
from salesboost_tools.brief.writing.next_steps import next_steps
from salesboost_tools.brief.writing.our_answers import our_answers
from salesboost_tools.brief.writing.price_options import price_options


class TemplateWriter:
    """Writes what was found in fixed forms, quoting word for word; it adds and concludes nothing by itself.

    Args:
        playbook: What counts as an objection, and as late; the shipped one if None.
    """

    name = "TemplateWriter (rules, no model)"

    def __init__(self, playbook: Playbook | None = None) -> None:
        self._playbook = playbook or shipped_playbook()

    def write(self, messages: Sequence[AnyMessage], found: Findings, planned_by: str) -> AccountBrief:
        """Return the brief."""
        del messages
        playbook = self._playbook
        stalled_days, power = playbook.stalled.after_days, playbook.power
        heard, offer = objections_heard(found, playbook), competitors_offer(found)
        options = price_options(found)
        draft = AccountBrief.model_construct(
            account_id=found.account_id,
            account_name=found.account_name,
            deal_id=found.deal.id if found.deal else None,
            as_of=found.as_of,
            headline=situation.headline(found, offer, stalled_days=stalled_days),
            situation=situation.situation(found),
            people=situation.people(found),
            why_heading=situation.heading_of_reasons(found, stalled_days=stalled_days),
            why=situation.reasons(found, heard, power_role=power.role, power_days=power.after_days),
            competitor=found.deal.competitor if found.deal else None,
            competition=competition(found, offer, stalled_days=stalled_days),
            answers=our_answers(found, heard),
            price_options=options,
            next_steps=next_steps(found, heard, options, playbook),
            sources=(),
            left_out=left_out(found),
            planned_by=planned_by,
            written_by=self.name,
        )
        return with_sources(draft, found)

    async def awrite(self, messages: Sequence[AnyMessage], found: Findings, planned_by: str) -> AccountBrief:
        """Do as `write`: there is nothing to wait for."""
        return self.write(messages, found, planned_by)


def with_sources(draft: AccountBrief, found: Findings) -> AccountBrief:
    """Return the brief with the sources it cites, checked as a whole.

    Raises:
        ValidationError: Something is cited that no tool returned.
    """
    cited = draft.cited()
    sources = tuple(source for key, source in sources_of(found).items() if key in cited)
    return AccountBrief.model_validate({**dict(draft), "sources": sources})
