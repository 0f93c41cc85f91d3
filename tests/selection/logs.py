"""Logs of decisions, made and kept for tests."""

from random import Random

from salesboost_tools.selection.decision_log import LoggedDecision
from salesboost_tools.selection.selector import ToolSelector
from tests.doubles import FakeClock


class KeptLog:
    """Keeps decisions in a list."""

    def __init__(self):
        self.records: list[LoggedDecision] = []

    def write(self, record: LoggedDecision) -> None:
        self.records.append(record)


RATES = {"lexical": 0.6, "semantic": 0.8, "hybrid": 0.7}


def logged_in(log, policy, decisions: int = 400, *, seed: int = 1, rates=RATES, contexts=(None,)) -> None:
    """Let a policy choose in a world of fixed success rates, 100 ms a call, and log it."""
    luck, clock = Random(f"luck {seed}"), FakeClock()
    selector = ToolSelector(policy, seed=seed, clock=clock, log=log)
    for number in range(decisions):
        clock.advance(1)
        tool, decision_id = selector.select_tool(list(rates), contexts[number % len(contexts)])
        selector.record_feedback(decision_id, luck.random() < rates[tool], 100)
