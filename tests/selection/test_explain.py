"""Every choice can be told in words."""

import pytest

from salesboost_tools.selection.epsilon_greedy import EpsilonGreedy
from salesboost_tools.selection.explain import explain
from salesboost_tools.selection.selector import ToolSelector
from tests.selection.logs import KeptLog

NAMES = ["lexical", "semantic"]


def answer(selector, tool, *, success=True, latency_ms=100):
    _, decision_id = selector.select_tool(NAMES, available=[tool])
    selector.record_feedback(decision_id, success, latency_ms)


def told(selector, **more) -> str:
    _, decision_id = selector.select_tool(NAMES, more.get("context"), available=more.get("available"))
    return explain(selector.find_decision(decision_id))


def test_a_choice_is_told_with_what_was_known(clock):
    selector = ToolSelector(EpsilonGreedy(0.1), seed=1, clock=clock, log=KeptLog())
    answer(selector, "lexical")
    answer(selector, "lexical", success=False, latency_ms=300)
    answer(selector, "semantic")
    text = told(selector, context={"caller_role": "coach"})
    assert (
        text.splitlines()[0]
        == "epsilon-greedy@1;epsilon=0.1 chose `semantic` for `(unnamed)`, which it does 95.0% of the time."
    )
    assert "- `lexical`: 50% of 2 calls succeeded, 200 ms each, chosen 5.0% of the time." in text
    assert "- `semantic`: 100% of 1 calls succeeded, 100 ms each, the best so far, chosen 95.0% of the time." in text
    assert text.splitlines()[-1] == "Context: caller_role='coach'."


def test_what_is_not_known_is_not_told(clock):
    text = told(ToolSelector(EpsilonGreedy(0.1), seed=1, clock=clock))
    assert text.count("never tried") == 2
    assert "best so far" not in text
    assert "Context" not in text


def test_masked_tools_and_unanswered_choices_are_told(clock):
    selector = ToolSelector(EpsilonGreedy(0.1), seed=1, clock=clock)
    selector.select_tool(NAMES, available=["semantic"])
    text = told(selector, available=["semantic"])
    assert "- `semantic`: never tried, 1 unanswered." in text
    assert "Not available: `lexical`." in text


def test_a_tool_believed_to_be_out_of_order_is_told_so(clock):
    selector = ToolSelector(seed=1, clock=clock)
    for _ in range(40):
        answer(selector, "lexical")
        answer(selector, "semantic")
        clock.advance(1)
    for _ in range(6):
        answer(selector, "lexical", success=False)
        clock.advance(1)
    lexical = next(line for line in told(selector).splitlines() if "`lexical`" in line)
    assert "out of order with probability" in lexical


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("off", "`lexical` served `(unnamed)` as the first available tool; no policy was asked."),
        (
            "shadow",
            "`lexical` served `(unnamed)` as the first available tool; epsilon-greedy@1;epsilon=0.0 would have chosen `semantic`.",
        ),
    ],
)
def test_a_choice_no_policy_made_is_told_as_one(clock, mode, words):
    selector = ToolSelector(EpsilonGreedy(0.0), seed=1, clock=clock, mode=mode)
    answer(selector, "lexical", success=False)
    answer(selector, "semantic")
    assert told(selector).splitlines()[0] == words
