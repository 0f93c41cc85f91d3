"""`stage_classifier`: a stage with its reasons, or plainly none."""

import asyncio
import json

import pytest
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_tests.unit_tests import ToolsUnitTests
from pydantic import ValidationError

from salesboost_tools.core.errors import ConfigurationError, ToolInputError
from salesboost_tools.core.spec import Effect
from salesboost_tools.tools.stage import STAGES, StageClassifier, StageSet
from salesboost_tools.tools.stage import model as model_module
from salesboost_tools.tools.stage.model import read_model

PLAIN = {
    "Hi, thank you for joining the call today.": "opening",
    "What are the biggest challenges for your service team?": "discovery",
    "Our platform integrates with your calendar and reduces no-shows.": "presentation",
    "Your price is too high for our budget.": "objection_handling",
    "Let's go ahead, please send me the contract.": "closing",
    "Thanks for your time, I will send you a summary by Friday.": "follow_up",
}


class TestStandard(ToolsUnitTests):
    @property
    def tool_constructor(self):
        return StageClassifier

    @property
    def tool_invoke_params_example(self):
        return {"message": "Shall we sign?"}


@pytest.mark.parametrize(("message", "stage"), PLAIN.items())
def test_a_plain_message_gets_its_stage(tool, message, stage):
    answer = tool.invoke({"message": message})
    assert answer["stage"] == answer["likeliest"] == stage
    assert answer["confidence"] == answer["probabilities"][stage] == max(answer["probabilities"].values())
    assert answer["note"] == ""


def test_an_answer_is_plain_json(tool, said):
    answer = tool.invoke({"history": said("s: Hello, how are you?", "p: Fine, thanks.", "s: How many people use it?")})
    assert answer == json.loads(json.dumps(answer))
    assert list(answer) == [
        "stage",
        "likeliest",
        "confidence",
        "probabilities",
        "evidence",
        "stage_before",
        "held_back",
        "next_step",
        "note",
    ]
    assert list(answer["probabilities"]) == list(STAGES)
    assert abs(sum(answer["probabilities"].values()) - 1) < 0.001


def test_sync_and_async_answers_are_equal(tool, said):
    arguments = {"history": said("s: Shall we sign?"), "message": "I need to think about it.", "speaker": "prospect"}
    assert asyncio.run(tool.ainvoke(arguments)) == tool.invoke(arguments)


def test_the_evidence_names_words_that_were_said_and_where(tool, said):
    history = said("s: The plan is 900 a year.", "p: That is too expensive, we have no budget.")
    answer = tool.invoke({"history": history})
    assert answer["stage"] == "objection_handling"
    assert {reason["words"] for reason in answer["evidence"]} & {"too expensive", "expensive", "budget"}
    for reason in answer["evidence"]:
        spoken = history[reason["turn"]]
        assert reason["speaker"] == spoken["speaker"]
        assert reason["words"] in spoken["text"].lower()
        assert reason["weight"] > 0
    weights = [reason["weight"] for reason in answer["evidence"]]
    assert weights == sorted(weights, reverse=True)


def test_the_same_words_mean_another_stage_after_other_words(tool, said):
    after_offer = tool.invoke({"history": said("s: Shall we start with the pilot on Monday?", "p: Yes, that works.")})
    after_question = tool.invoke({"history": said("s: Do you use spreadsheets for that today?", "p: Yes, that works.")})
    assert after_offer["probabilities"]["closing"] > after_question["probabilities"]["closing"]
    assert after_question["probabilities"]["discovery"] > after_offer["probabilities"]["discovery"]


@pytest.mark.parametrize("message", ["hm", "asdf qwer", "…", "\N{CJK UNIFIED IDEOGRAPH-4F60}"])
def test_words_that_say_nothing_get_no_stage_and_the_note_says_what_would_help(tool, message):
    answer = tool.invoke({"message": message})
    assert answer["stage"] is None
    assert answer["confidence"] < 0.45
    assert answer["note"].startswith("Not sure: ")
    assert "history" in answer["note"]


@pytest.mark.parametrize("nod", ["Okay.", "Right.", "Yes.", "Mhm.", "Yes, I see.", "Got it!", "Hm?"])
@pytest.mark.parametrize("speaker", ["seller", "prospect"])
def test_a_nod_is_no_return_to_an_earlier_stage(tool, said, nod, speaker):
    agreed = said(
        "s: The final price is 45,000 for the year, shall we sign?",
        "p: Yes, we agree to the terms, send me the contract.",
    )
    answer = tool.invoke({"history": agreed, "message": nod, "speaker": speaker})
    assert answer["stage_before"] == "closing"
    assert answer["likeliest"] in {"closing", "follow_up"}
    likeliest = max(answer["probabilities"], key=answer["probabilities"].__getitem__)
    assert answer["held_back"] == (likeliest != answer["likeliest"])


def test_plain_evidence_leads_back_to_an_earlier_stage(tool, said):
    answer = tool.invoke(
        {
            "history": said(
                "s: Shall I send you the contract for signature?",
                "p: Hold on, I am not convinced, this is too expensive and I'm worried about the migration.",
            )
        }
    )
    assert answer["stage_before"] == "closing"
    assert answer["stage"] == "objection_handling"
    assert not answer["held_back"]


def test_the_stage_reached_before_counts_for_a_message_alone(tool):
    assert tool.invoke({"message": "Yes.", "previous_stage": "closing"})["likeliest"] == "closing"
    assert tool.invoke({"message": "Yes.", "previous_stage": "opening"})["likeliest"] == "discovery"
    asked = tool.invoke({"message": "How many people are in the team?", "previous_stage": "closing"})
    assert (asked["stage"], asked["stage_before"]) == ("discovery", "closing")


def test_the_next_step_answers_the_kind_of_objection(tool):
    price = tool.invoke({"message": "This is too expensive, the price is too high."})["next_step"]
    supplier = tool.invoke({"message": "We already have a supplier and are happy with our current vendor."})[
        "next_step"
    ]
    assert "price" in price
    assert "works well today" in supplier


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"message": ""},
        {"message": "x" * 4001},
        {"message": "x", "speaker": "robot"},
        {"speaker": "seller", "history": [{"speaker": "seller", "text": "x"}]},
        {"history": [{"speaker": "robot", "text": "x"}]},
        {"history": [{"speaker": "seller", "text": ""}]},
        {"history": [{"speaker": "seller", "text": "x", "mood": "good"}]},
        {"history": []},
        {"history": [{"speaker": "seller", "text": "x"}] * 501},
        {"message": "x", "tenant_id": "other"},
    ],
    ids=lambda wrong: str(wrong)[:60],
)
def test_arguments_out_of_bounds_are_refused(tool, wrong):
    with pytest.raises(ValidationError):
        tool.invoke(wrong)


def test_an_unknown_previous_stage_is_told_which_there_are(tool):
    with pytest.raises(ToolInputError) as caught:
        tool.invoke({"message": "x", "previous_stage": "negotiation"})
    assert all(stage in caught.value.for_model for stage in STAGES)


def test_the_model_sees_described_and_bounded_arguments(tool):
    properties = convert_to_openai_tool(tool)["function"]["parameters"]["properties"]
    assert set(properties) == {"message", "speaker", "history", "previous_stage"}
    assert all(field["description"] for field in properties.values())


def test_what_handlers_may_know_about_it(tool):
    assert tool.spec.effect is Effect.READ
    assert tool.spec.allowed_roles == {"coach", "session_director"}
    assert str(tool.spec.rate_limit) == "10/minute"


def test_a_probe_classifies_something(tool):
    found = tool.probe()
    assert found["stages"] == 6
    assert found["features"] > 5000


def test_a_probe_fails_without_the_model(tool, tmp_path, monkeypatch):
    monkeypatch.setattr(model_module, "shipped_model", lambda: read_model(tmp_path / "gone.json"))
    with pytest.raises(ConfigurationError, match=r"gone\.json"):
        tool.probe()


def test_own_stages_are_made_of_the_usual_ones(said):
    own = StageSet.of(
        {"qualify": ["opening", "discovery"], "pitch": ["presentation", "objection_handling"], "win": ["closing"]},
        {"win": "Ring the bell."},
    )
    tool = StageClassifier(own)
    asked = tool.invoke({"message": "How many people are in your team, and what tools do you use?"})
    assert asked["stage"] == "qualify"
    assert list(asked["probabilities"]) == ["qualify", "pitch", "win"]
    assert abs(sum(asked["probabilities"].values()) - 1) < 0.001
    assert "price" in tool.invoke({"message": "Too expensive, the price is too high."})["next_step"]
    won = tool.invoke({"message": "Let's sign the contract.", "previous_stage": "pitch"})
    assert (won["stage"], won["next_step"]) == ("win", "Ring the bell.")
    with pytest.raises(ToolInputError, match="qualify, pitch, win"):
        tool.invoke({"message": "x", "previous_stage": "closing"})
