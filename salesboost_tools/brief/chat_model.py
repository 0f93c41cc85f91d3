"""A chat model plans with the tools bound to it, and writes; what it says is kept only if its sources exist."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage
from langchain_core.tools import BaseTool
from pydantic import BaseModel, ConfigDict, Field

from salesboost_tools.brief.account_brief import AccountBrief, Answer, LeftOut, NextStep, Source, Statement
from salesboost_tools.brief.findings import Findings
from salesboost_tools.brief.sources import sources_of
from salesboost_tools.brief.writing.template_writer import TemplateWriter, with_sources
from salesboost_tools.brief.writing.wording import quoted, shortened

_PLANNING = """\
You prepare account briefs for sales managers. The account is {name} ({account_id}). Ask the tools for what the brief \
needs, all independent questions in one message: the CRM for deals, contacts and activities; then, from what they say, \
the knowledge base for answers to the objections you found, the price calculator for the deal's lines and for what the \
customer asks for, and the battlecards of the competitor. Ask for the most important things first, since tools have \
small rates, and nothing twice. A tool that fails is not asked again. When nothing is left to ask, answer without \
calls."""

_WRITING = """\
Write the account brief from the answers above: specific, short, in plain sentences. Every statement cites the sources \
it rests on by their keys, exactly as listed; what no source holds is left out. Mark nothing as certain that a source \
calls open, and say so when a source has expired. Today is {today}.

Sources:
{sources}"""

_SHOWN_LETTERS = 80


class _Draft(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DraftStatement(_Draft):
    """One claim."""

    text: str = Field(description="One or two sentences.")
    cites: list[str] = Field(description="Keys of the sources it rests on.")


class DraftAnswer(_Draft):
    """An objection and what to say to it."""

    objection: str = Field(description="A few words, e.g. 'Price per seat'.")
    heard: DraftStatement = Field(description="Who said what and when.")
    answers: list[DraftStatement] = Field(description="What we can say, best first.")


class DraftStep(_Draft):
    """What somebody does by a day."""

    what: str
    owner: str = Field(description="Id of the owner in the CRM, e.g. 'REP-01'.")
    due: date
    cites: list[str] = Field(description="Keys of the sources it rests on.")


class BriefDraft(_Draft):
    """The account brief in words. People, prices and sources are added from the tools' answers."""

    headline: str = Field(description="The one sentence to remember.")
    situation: list[DraftStatement]
    why: list[DraftStatement] = Field(description="Why the deal does not move.")
    competition: list[DraftStatement] = Field(description="What the competitor says, and how we fare against it.")
    answers: list[DraftAnswer]
    next_steps: list[DraftStep]


class ModelPlanner:
    """Lets a chat model choose the calls.

    Args:
        model: Must support tool calls.
        tools: What it may call.
    """

    def __init__(self, model: BaseChatModel, tools: Sequence[BaseTool]) -> None:
        self.name = name_of(model)
        self._model = model.bind_tools(tools)

    def plan(self, messages: Sequence[AnyMessage], found: Findings) -> AIMessage:
        """Return the model's next calls."""
        return _ai_message(self._model.invoke(_planning(messages, found)))

    async def aplan(self, messages: Sequence[AnyMessage], found: Findings) -> AIMessage:
        """Do as `plan`."""
        return _ai_message(await self._model.ainvoke(_planning(messages, found)))


class ModelWriter:
    """Lets a chat model write; people, prices and sources come from the tools' answers all the same.

    A statement that cites nothing a tool returned is taken out and reported. If the model's answer cannot be read, the
    template's brief stands, and says so.

    Args:
        model: Must support structured output.
        template: Writes everything that is data.
    """

    def __init__(self, model: BaseChatModel, template: TemplateWriter) -> None:
        self.name = name_of(model)
        self._model = model.with_structured_output(BriefDraft, include_raw=True)
        self._template = template

    def write(self, messages: Sequence[AnyMessage], found: Findings, planned_by: str) -> AccountBrief:
        """Return the brief."""
        answer = self._model.invoke(_writing(messages, found))
        return self._brief(answer, self._template.write(messages, found, planned_by), found)

    async def awrite(self, messages: Sequence[AnyMessage], found: Findings, planned_by: str) -> AccountBrief:
        """Do as `write`."""
        answer = await self._model.ainvoke(_writing(messages, found))
        return self._brief(answer, self._template.write(messages, found, planned_by), found)

    def _brief(self, answer: Any, base: AccountBrief, found: Findings) -> AccountBrief:
        draft = answer.get("parsed") if isinstance(answer, Mapping) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        if not isinstance(draft, BriefDraft):
            unread = LeftOut(what=f"The text of {self.name}", why="Its answer could not be read; rules wrote instead.")
            return base.model_copy(update={"left_out": (*base.left_out, unread)})
        checked = _Checked(sources_of(found))
        words: dict[str, Any] = {
            "headline": draft.headline,
            "situation": checked.statements(draft.situation),
            "why": checked.statements(draft.why),
            "competition": checked.statements(draft.competition),
            "answers": checked.answers(draft.answers),
            "next_steps": checked.steps(draft.next_steps),
            "written_by": self.name,
        }
        words["left_out"] = (*base.left_out, *checked.refused)
        return with_sources(base.model_copy(update=words), found)


class _Checked:
    """Keeps what cites known sources, and remembers what does not."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = sources
        self.refused: list[LeftOut] = []

    def statements(self, drafts: Sequence[DraftStatement]) -> tuple[Statement, ...]:
        return tuple(kept for draft in drafts if (kept := self._statement(draft)))

    def answers(self, drafts: Sequence[DraftAnswer]) -> tuple[Answer, ...]:
        kept: list[Answer] = []
        for draft in drafts:
            if heard := self._statement(draft.heard):
                answers = self.statements(draft.answers)
                kept.append(Answer(objection=draft.objection, heard=heard, answers=answers))
        return tuple(kept)

    def steps(self, drafts: Sequence[DraftStep]) -> tuple[NextStep, ...]:
        return tuple(
            NextStep(what=draft.what, owner=draft.owner, due=draft.due, cites=cites)
            for draft in drafts
            if (cites := self._known(draft.what, draft.cites))
        )

    def _statement(self, draft: DraftStatement) -> Statement | None:
        cites = self._known(draft.text, draft.cites)
        expired = any(self._sources[key].expired for key in cites)
        return Statement(text=draft.text, cites=cites, expired=expired) if cites else None

    def _known(self, text: str, cites: Sequence[str]) -> tuple[str, ...]:
        """Return the keys that exist; with none the text is refused."""
        unknown = [key for key in cites if key not in self._sources]
        known = tuple(key for key in dict.fromkeys(cites) if key in self._sources)
        if unknown or not known:
            what = f"{'A source' if known else 'A statement'} of the model: {quoted(shortened(text, _SHOWN_LETTERS))}"
            why = f"It cites {', '.join(unknown) or 'nothing'}, which no tool returned."
            self.refused.append(LeftOut(what=what, why=why))
        return known


def name_of(model: BaseChatModel) -> str:
    """Return what a model calls itself."""
    for attribute in ("model_name", "model"):
        name = getattr(model, attribute, None)
        if isinstance(name, str) and name:
            return name
    return type(model).__name__


def _planning(messages: Sequence[AnyMessage], found: Findings) -> list[AnyMessage]:
    told = _PLANNING.format(name=found.account_name, account_id=found.account_id)
    return [SystemMessage(told), *messages]


def _writing(messages: Sequence[AnyMessage], found: Findings) -> list[AnyMessage]:
    listed = "\n".join(
        f"- {source.key}: {source.title}{' (expired)' if source.expired else ''}"
        for source in sources_of(found).values()
    )
    return [*messages, HumanMessage(_WRITING.format(today=found.as_of.date(), sources=listed))]


def _ai_message(message: Any) -> AIMessage:
    assert isinstance(message, AIMessage)
    return message
