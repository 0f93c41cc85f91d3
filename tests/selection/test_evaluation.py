"""A log says what another policy would have earned, group by group."""

from random import Random

import numpy as np
import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.reward import DEFAULT_WEIGHTS, RewardWeights
from salesboost_tools.selection.adaptive import Adaptive
from salesboost_tools.selection.bounded import Forgetful
from salesboost_tools.selection.decision_log import JsonlLog, LoggedDecision
from salesboost_tools.selection.epsilon_greedy import EpsilonGreedy
from salesboost_tools.selection.evaluation import (
    compare_sides,
    evaluate_log,
    evaluate_policy,
    evidence_for,
    reward_of,
)
from salesboost_tools.selection.off_policy import TooLittleOverlapError
from salesboost_tools.selection.policy import draw
from salesboost_tools.selection.reward_model import foretell
from salesboost_tools.selection.selector import ToolSelector
from salesboost_tools.selection.split import Split
from salesboost_tools.selection.thompson import Thompson
from tests.doubles import FakeClock
from tests.selection.logs import RATES, KeptLog, logged_in

HALF_AT_RANDOM = EpsilonGreedy(0.5)


class Always:
    """Chooses the arm of that name, where it is available."""

    version = "1"

    def __init__(self, name: str):
        self.name = name

    def choose(self, situation, rng):
        return draw(self.propensities(situation), rng)

    def propensities(self, situation):
        if self.name not in situation.arms:
            return (1 / len(situation.arms),) * len(situation.arms)
        return tuple(float(arm == self.name) for arm in situation.arms)


def a_log(decisions: int = 1500, **more) -> list:
    log = KeptLog()
    logged_in(log, HALF_AT_RANDOM, decisions, **more)
    return log.records


@pytest.mark.parametrize("name", RATES)
def test_what_a_fixed_choice_would_have_earned_lies_within_the_interval(name):
    result = evaluate_policy(Always(name), a_log())
    truth = RATES[name] - 0.5 * 0.1 / 5
    assert result.dr.low < truth < result.dr.high
    assert result.dr.high - result.dr.low < 0.25
    assert result.logged == pytest.approx(0.72, abs=0.06)


def test_the_policy_learns_along_with_the_log_and_never_from_what_comes_later():
    asked = []

    class Watching(Always):
        def propensities(self, situation):
            asked.append(tuple(known.pulls for known in situation.statistics))
            return super().propensities(situation)

    records = a_log(30)
    evidence_for(Watching("lexical"), records)
    assert [sum(pulls) for pulls in asked] == list(range(30))
    assert asked[0] == (0, 0, 0)


def test_a_policy_with_a_memory_is_evaluated_too():
    evidence = evidence_for(Adaptive(), a_log(600))
    late = evidence.target[-50:]
    assert np.allclose(late.sum(axis=1), 1)
    assert late.argmax(axis=1).tolist().count(list(dict.fromkeys(RATES)).index("semantic")) > 25


def test_a_memory_is_told_of_every_outcome_as_the_log_has_it():
    class Told(Forgetful):
        def learn(self, arm, known, outcomes, now_s):
            told.extend((arm, known.pulls, *outcome, now_s) for outcome in outcomes)
            return False

    class Learner(Always):
        def new_memory(self, weights):
            return Told()

    told, records = [], a_log(60, contexts=[{"lang": "en"}, {"lang": "de"}])
    evidence_for(Learner("hybrid"), records)
    assert {each.success for each in records} == {True, False}
    assert [row[:1] + row[2:] for row in told] == [
        (each.chosen, each.context, each.success, reward_of(each, DEFAULT_WEIGHTS), None, each.at_s) for each in records
    ]
    assert [row[1] for row in told if row[0] == "hybrid"] == list(range(1, 1 + sum(row[0] == "hybrid" for row in told)))


def test_the_policy_that_made_the_log_would_have_earned_what_it_earned():
    records = a_log(800)
    result = evaluate_policy(HALF_AT_RANDOM, records)
    assert result.effective_sample_size == pytest.approx(800, rel=0.02)
    assert result.ips.value == pytest.approx(result.logged, rel=0.02)


def test_decisions_no_policy_made_teach_and_do_not_count(clock):
    log = KeptLog()
    logged_in(log, Thompson(), 200)
    selector = ToolSelector(seed=1, clock=clock, mode="off", log=log)
    selector.record_feedback(selector.select_tool(list(RATES))[1], True, 100)
    assert log.records[-1].propensities is None
    assert len(evidence_for(Thompson(), log.records).rewards) == 200


def a_log_with_stand_ins(policy, calls: int = 1000) -> list[LoggedDecision]:
    """Of calls that are tried with one tool after another until it works: "poor" does 4 times in 10, "good" 9 times."""
    log, luck, clock = KeptLog(), Random("luck"), FakeClock()
    selector = ToolSelector(policy, seed=1, clock=clock, log=log)
    for _ in range(calls):
        clock.advance(1)
        left = ["poor", "good"]
        while left:
            tool, decision_id = selector.select_tool(["poor", "good"], available=left, stands_in=len(left) < 2)
            works = luck.random() < {"poor": 0.4, "good": 0.9}[tool]
            selector.record_feedback(decision_id, works, 0)
            left = [] if works else [name for name in left if name != tool]
    return log.records


def test_a_policy_is_judged_by_first_choices_and_learns_from_all():
    records = a_log_with_stand_ins(EpsilonGreedy(1.0))
    assert len(records) > 1200
    for name, worth in (("poor", 0.4), ("good", 0.9)):
        result = evaluate_policy(Always(name), records)
        assert result.decisions == 1000
        assert result.dr.low < worth < result.dr.high
    asked = []

    class Watching(Always):
        def propensities(self, situation):
            asked.append(sum(known.pulls for known in situation.statistics))
            return super().propensities(situation)

    evidence_for(Watching("good"), records)
    firsts = [number for number, record in enumerate(records) if not record.stands_in]
    assert asked == firsts


def test_what_a_stand_in_earns_is_the_merit_of_neither_side():
    records = a_log_with_stand_ins(Split(Always("poor"), Always("good"), 0.5))
    verdict = compare_sides(records)
    assert sum(verdict.decisions) == 1000
    assert verdict.first.value == pytest.approx(0.4, abs=0.06)
    assert verdict.second.value == pytest.approx(0.9, abs=0.06)


def test_rewards_are_made_of_the_weights_in_question():
    records = a_log(100)
    assert [reward_of(record, DEFAULT_WEIGHTS) for record in records] == [record.reward for record in records]
    evidence = evidence_for(Thompson(), records, weights=RewardWeights(latency=0.0))
    assert set(evidence.rewards.tolist()) == {0.0, 1.0}


def test_one_group_at_a_time(clock):
    log = KeptLog()
    for rates in ({"a": 0.5, "b": 0.5}, {"c": 0.5, "d": 0.5}):
        logged_in(log, Thompson(), 5, rates=rates)
    records = [*log.records[:5], *[_renamed(record) for record in log.records[5:]]]
    with pytest.raises(ConfigurationError, match=r"one group at a time; the log holds \['\(unnamed\)', 'other'\]"):
        evidence_for(Thompson(), records)


def _renamed(record):
    from dataclasses import replace

    return replace(record, group="other")


def test_a_log_without_decisions_of_a_policy_is_no_evidence():
    with pytest.raises(ConfigurationError, match=r"fewer than two were made by a policy.*A/B test"):
        evidence_for(Thompson(), [])


# From a file


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "decisions.jsonl"
    log = JsonlLog(path)
    logged_in(log, HALF_AT_RANDOM, 600)
    log.close()
    return path


def test_a_file_is_evaluated_by_the_policys_name(path):
    verdict = evaluate_log(path, "thompson")
    found = verdict.by_group["(unnamed)"]
    assert verdict.policy.startswith("thompson@1")
    assert found.dr.low < found.dr.value < found.dr.high
    assert found.dr.value > found.logged
    text = verdict.text()
    assert f"{found.dr.value:.4f}  (95 % interval {found.dr.low:.4f} to {found.dr.high:.4f})" in text
    assert "(unnamed), thompson@1" in text


def test_of_too_little_overlap_the_verdict_is_a_refusal_with_its_reason(tmp_path):
    path = tmp_path / "narrow.jsonl"
    log = JsonlLog(path)
    logged_in(log, EpsilonGreedy(0.0), 300)
    log.close()
    verdict = evaluate_log(path, "epsilon-greedy")
    assert isinstance(verdict.by_group["(unnamed)"], TooLittleOverlapError)
    assert "no answer: 300 decisions are worth only" in verdict.text()


def test_an_unknown_policy_and_a_missing_file_are_refused(path, tmp_path):
    with pytest.raises(ConfigurationError, match=r"no policy 'tompson'.*'thompson'"):
        evaluate_log(path, "tompson")
    with pytest.raises(ConfigurationError, match="holds no decisions"):
        evaluate_log(tmp_path / "missing.jsonl", "thompson")


# The model of the reward


def test_the_model_foretells_what_each_arm_earns_in_each_context():
    rng = Random(1)
    contexts = [{"intent": rng.choice(["price", "faq"])} for _ in range(800)]
    chosen = np.array([rng.randrange(2) for _ in contexts])
    worth = {("price", 0): 0.9, ("price", 1): 0.2, ("faq", 0): 0.3, ("faq", 1): 0.7}
    rewards = np.array(
        [worth[context["intent"], arm] + rng.gauss(0, 0.1) for context, arm in zip(contexts, chosen, strict=True)]
    )
    foretold = foretell(contexts, chosen, rewards, 2)
    for context, row in zip(contexts, foretold, strict=True):
        assert row.tolist() == pytest.approx([worth[context["intent"], arm] for arm in range(2)], abs=0.05)


def test_no_decision_is_foretold_from_itself():
    contexts = [{"lang": "en"}] * 20
    chosen = np.zeros(20, int)
    calm = np.full(20, 0.5)
    wild = calm.copy()
    wild[7] = 100.0
    before, after = (foretell(contexts, chosen, rewards, 1)[:, 0] for rewards in (calm, wild))
    assert after[7] == pytest.approx(before[7])
    assert after[8] > before[8] + 1


def test_an_arm_nobody_chose_is_worth_what_all_are_on_average():
    foretold = foretell([None] * 10, np.zeros(10, int), np.linspace(0.4, 0.6, 10), 2)
    assert foretold[:, 1] == pytest.approx(np.full(10, 0.5), abs=0.05)
