"""A model plans and writes; what it says without a source is taken out."""

from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import PrivateAttr

from salesboost_tools.brief import build_account_brief
from salesboost_tools.core.errors import ConfigurationError, MissingExtraError


class ScriptedChatModel(BaseChatModel):
    """Answers with what it was given, in turn; remembers what it was told and which tools it was bound to."""

    script: list[AIMessage]
    model_name: str = "scripted-1"
    _told: list[list[BaseMessage]] = PrivateAttr(default_factory=list)
    _bound: list[list[str]] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @property
    def told(self):
        return self._told

    @property
    def bound(self):
        return self._bound

    def bind_tools(self, tools, **kwargs: Any):
        self._bound.append([getattr(tool, "name", getattr(tool, "__name__", "?")) for tool in tools])
        return self

    def _generate(self, messages, stop=None, run_manager=None, **kwargs: Any) -> ChatResult:
        self._told.append(list(messages))
        return ChatResult(generations=[ChatGeneration(message=self.script[len(self._told) - 1])])


def asks(*calls):
    return AIMessage(
        "", tool_calls=[{"name": name, "args": args, "id": f"m-{at}"} for at, (name, args) in enumerate(calls)]
    )


def writes(**draft):
    whole = {"headline": "H", "situation": [], "why": [], "competition": [], "answers": [], "next_steps": []}
    return AIMessage("", tool_calls=[{"name": "BriefDraft", "args": {**whole, **draft}, "id": "draft"}])


LIST = {"operation": "list", "account_id": "ACC-0203", "limit": 50}
QUESTIONS = asks(
    ("crm_integration", {**LIST, "record_type": "deal"}),
    ("crm_integration", {**LIST, "record_type": "contact"}),
    ("knowledge_retriever", {"query": "evidence for a forecast"}),
    ("no_such_tool", {}),
)
ENOUGH = AIMessage("That is enough.")
DRAFT = {
    "headline": "Halcyon decides on 7 July",
    "situation": [{"text": "They want evidence.", "cites": ["DEAL-0203"]}],
    "why": [{"text": "Nobody knows.", "cites": ["ACT-99999"]}, {"text": "It is late.", "cites": ["DEAL-0203", "KB-0"]}],
    "answers": [{"objection": "Trust", "heard": {"text": "Margot asked.", "cites": ["CON-0203-1"]}, "answers": []}],
    "next_steps": [{"what": "Call Kwame.", "owner": "REP-05", "due": "2026-07-02", "cites": ["CON-0203-2"]}],
}


async def prepared(toolkit, *script):
    model = ScriptedChatModel(script=list(script))
    result = await build_account_brief(toolkit, model).ainvoke({"account": "Halcyon"})
    return model, result


async def test_the_models_calls_go_through_the_fan_out_and_its_words_into_the_brief(toolkit):
    model, result = await prepared(toolkit, QUESTIONS, ENOUGH, writes(**DRAFT))
    brief = result["brief"]
    assert (brief.planned_by, brief.written_by) == ("scripted-1", "scripted-1")
    assert brief.headline == "Halcyon decides on 7 July"
    assert brief.situation[0].text == "They want evidence."
    assert brief.next_steps[0].owner == "REP-05"
    assert {person.contact_id for person in brief.people} == {"CON-0203-1", "CON-0203-2", "CON-0203-3"}
    assert {"crm_integration", "knowledge_retriever", "price_calculator", "competitor_analysis"} <= set(model.bound[0])


async def test_the_model_is_told_which_account_it_is_and_what_the_tools_said(toolkit):
    model, _ = await prepared(toolkit, QUESTIONS, ENOUGH, writes(**DRAFT))
    first, second, writing = model.told
    assert isinstance(first[0], SystemMessage)
    assert "Halcyon Biosciences (ACC-0203)" in first[0].text
    assert sum(isinstance(message, ToolMessage) for message in second) == 5
    assert "- DEAL-0203: deal" in writing[-1].text


async def test_what_cites_no_source_is_taken_out_and_reported(toolkit):
    _, result = await prepared(toolkit, QUESTIONS, ENOUGH, writes(**DRAFT))
    brief = result["brief"]
    assert [each.text for each in brief.why] == ["It is late."]
    assert brief.why[0].cites == ("DEAL-0203",)
    reasons = {each.what: each.why for each in brief.left_out}
    assert reasons["A statement of the model: “Nobody knows.”"] == "It cites ACT-99999, which no tool returned."
    assert reasons["A source of the model: “It is late.”"] == "It cites KB-0, which no tool returned."
    assert any("no_such_tool" in what for what in reasons)


async def test_an_answer_that_cannot_be_read_leaves_the_rules_brief(toolkit):
    _, result = await prepared(toolkit, QUESTIONS, ENOUGH, AIMessage("Once upon a time"))
    brief = result["brief"]
    assert brief.written_by.startswith("TemplateWriter")
    assert any("scripted-1" in each.what for each in brief.left_out)


async def test_a_model_that_never_has_enough_is_stopped(toolkit):
    again = [asks(("price_calculator", {"lines": [{"sku": "PIPE-TEAM", "quantity": at + 1}]})) for at in range(9)]
    model, result = await prepared(toolkit, *again[:5], writes(**DRAFT))
    assert len(model.told) == 6  # five plans beside the look-up, and the text
    assert result["brief"].headline == "Halcyon decides on 7 July"


def test_sync_callers_get_the_models_brief_too(toolkit):
    model = ScriptedChatModel(script=[QUESTIONS, ENOUGH, writes(**DRAFT)])
    result = build_account_brief(toolkit, model).invoke({"account": "Halcyon"})
    assert result["brief"].headline == "Halcyon decides on 7 July"


def test_a_model_by_name_needs_the_extra_and_names_the_command(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "langchain.chat_models", None)
    monkeypatch.delitem(__import__("sys").modules, "salesboost_tools.brief.init_model", raising=False)
    with pytest.raises(MissingExtraError, match=r"pip install 'salesboost-tools\[models\]'"):
        import salesboost_tools.brief.init_model  # noqa: F401
    monkeypatch.delitem(__import__("sys").modules, "salesboost_tools.brief.init_model", raising=False)


@pytest.mark.parametrize("name", ["no-such-provider:x", "without a provider"])
def test_a_model_that_cannot_be_used_is_a_matter_of_set_up(name):
    from salesboost_tools.brief.init_model import init_model

    with pytest.raises(ConfigurationError, match="cannot be used"):
        init_model(name)
