"""What workers that share a ledger may rely on, whatever the ledger. A new one is done when its subclass is green."""

import json
import math
from random import Random

import pytest

from salesboost_tools.core.errors import StateUnavailableError
from salesboost_tools.selection.adaptive import Adaptive
from salesboost_tools.selection.arms import ArmStore
from salesboost_tools.selection.bounded import Forgetful
from salesboost_tools.selection.policy import Choice, draw
from salesboost_tools.selection.selector import ToolSelector
from salesboost_tools.selection.shared_arms import SharedArms
from salesboost_tools.selection.split import Split
from salesboost_tools.selection.statistics import NOTHING, statistics_of
from salesboost_tools.selection.thompson import Thompson
from salesboost_tools.state.ledger import Ledger
from tests.doubles import FakeClock
from tests.selection.arm_store_contract import ArmStoreContract

GOOD = statistics_of(True, 1.0, 5.0)
BAD = statistics_of(False, 2.0, 5.0)
NAMES = ["a", "b", "c"]


class UnreliableLedger:
    """A ledger behind a bad line: `down` loses requests, `deaf` loses replies."""

    def __init__(self, ledger: Ledger):
        self._ledger = ledger
        self.down = self.deaf = False

    def _pass_on(self, name, *arguments, **more):
        if self.down:
            raise StateUnavailableError("the line is down")
        reply = getattr(self._ledger, name)(*arguments, **more)
        if self.deaf:
            raise StateUnavailableError("the reply was lost")
        return reply

    def exchange(self, batch, **more):
        return self._pass_on("exchange", batch, **more)

    def restore(self, sums, **more):
        return self._pass_on("restore", sums, **more)

    def keep(self, name, text, **more):
        return self._pass_on("keep", name, text, **more)

    def kept(self, name):
        return self._pass_on("kept", name)


class Noting:
    """Makes the same note on every choice, and remembers the notes it is told of."""

    name = "noting"

    def __init__(self, note=0.5):
        self.note = note
        self.version = f"notes {note!r}"

    def choose(self, situation, rng):
        choice = draw(self.propensities(situation), rng)
        return Choice(choice.position, choice.propensity, self.note)

    def propensities(self, situation):
        return (1 / len(situation.arms),) * len(situation.arms)

    def new_memory(self, weights):
        return NotesTold()


class NotesTold(Forgetful):
    def __init__(self):
        self.notes = []

    def learn(self, arm, known, outcomes, now_s):
        self.notes.extend(note for *_, note in outcomes)
        return False


def pulls(store: ArmStore, *arms: str) -> list[float]:
    return [known.pulls for known in store.read("search", arms or NAMES)]


def in_full(store: ArmStore) -> str:
    """Everything a store knows, floats to nine digits."""
    records = store.records()
    return json.dumps(
        {
            group: {arm: [f"{number:.9g}" for number in vars_of(record.statistics)] for arm, record in arms.items()}
            for group, arms in records.items()
        },
        sort_keys=True,
    )


def rounded(dumped):
    """A dump, floats to nine digits: sums differ in the last ones by the order they were made in."""
    return json.loads(json.dumps(dumped), parse_float=lambda text: f"{float(text):.9g}")


def vars_of(statistics):
    return [getattr(statistics, name) for name in statistics.__slots__]


class SharedContract(ArmStoreContract):
    def ledger(self, **options) -> Ledger:
        raise NotImplementedError

    def lose_everything(self, ledger) -> None:
        raise NotImplementedError

    def store(self):
        return SharedArms(self.ledger(), in_background=False)

    def worker(self, ledger, clock=None) -> SharedArms:
        return SharedArms(ledger, in_background=False, clock=clock or FakeClock())

    def test_nothing_is_sent_before_a_merge_and_all_is_known_after_one(self):
        ledger = self.ledger()
        one, two = self.worker(ledger), self.worker(ledger)
        one.add("search", "a", GOOD, used_at_s=1.0)
        assert one.unmerged == 1
        two.merge()
        assert two.read("search", ["a"]) == (NOTHING,)
        assert one.merge()
        assert one.unmerged == 0
        two.merge()
        assert two.read("search", ["a"]) == (GOOD,)

    def test_after_a_merge_all_workers_know_the_same(self):
        ledger = self.ledger()
        workers = [self.worker(ledger) for _ in range(3)]
        luck = Random(1)
        made = 0
        for _ in range(300):
            worker = luck.choice(workers)
            if luck.random() < 0.2:
                worker.merge()
            else:
                made += 1
                worker.add("search", luck.choice(NAMES), luck.choice([GOOD, BAD]), used_at_s=1.0)
        for _ in range(2):
            for worker in workers:
                worker.merge()
        assert len({in_full(worker) for worker in workers}) == 1
        assert sum(pulls(workers[0])) == made

    def test_heavy_tails_are_added_up_to_the_last_digit_everybody_knows(self):
        ledger = self.ledger()
        workers = [self.worker(ledger) for _ in range(3)]
        luck, happened = Random(2), {name: [] for name in NAMES}
        for _ in range(600):
            worker, name = luck.choice(workers), luck.choice(NAMES)
            if luck.random() < 0.1:
                worker.merge()
            slow_s, price = 1e-6 * luck.paretovariate(0.3), 1e-4 * luck.paretovariate(0.4)
            outcome = statistics_of(luck.random() < 0.7, slow_s, 5.0, quality=luck.random(), cost=price)
            happened[name].append(vars_of(outcome))
            worker.add("search", name, outcome, used_at_s=1.0)
        for worker in workers * 2:
            worker.merge()
        known = [[vars_of(each) for each in worker.read("search", NAMES)] for worker in workers]
        assert known[0] == known[1] == known[2]
        seconds = [row[2] for rows in happened.values() for row in rows]
        assert max(seconds) > 1e6 * min(seconds)
        for name, sums in zip(NAMES, known[0], strict=True):
            columns = zip(*happened[name], strict=True)
            assert sums == [pytest.approx(math.fsum(column), rel=1e-12) for column in columns]

    def test_a_batch_whose_reply_was_lost_counts_once(self):
        line = UnreliableLedger(self.ledger())
        one, two = self.worker(line), self.worker(line)
        one.merge()
        one.add("search", "a", GOOD, used_at_s=1.0)
        line.deaf = True
        assert not one.merge()
        one.add("search", "a", BAD, used_at_s=2.0)
        assert not one.merge()
        assert pulls(one, "a") == [2]
        line.deaf = False
        assert one.merge()
        two.merge()
        assert pulls(one, "a") == pulls(two, "a") == [2]

    def test_a_worker_alone_on_an_island_goes_on_and_catches_up(self):
        ledger = self.ledger()
        line = UnreliableLedger(ledger)
        islander, other = self.worker(line), self.worker(ledger)
        line.down = True
        assert not islander.merge()
        for _ in range(450):
            islander.add("search", "a", GOOD, used_at_s=1.0)
            other.add("search", "b", GOOD, used_at_s=1.0)
        other.merge()
        assert pulls(islander, "a", "b") == [450, 0]
        assert islander.failures == 1
        line.down = False
        assert islander.merge()
        assert islander.failures == 0
        assert pulls(islander, "a", "b") == [450, 450]
        other.merge()
        assert pulls(other, "a", "b") == [450, 450]

    def test_what_an_islander_tried_to_tell_meanwhile_counts_once(self):
        ledger = self.ledger()
        line = UnreliableLedger(ledger)
        islander, other = self.worker(line), self.worker(ledger)
        islander.merge()
        line.down = True
        for number in range(1, 4):
            islander.add("search", "a", GOOD, used_at_s=1.0)
            assert not islander.merge()
            assert pulls(islander, "a") == [number]
            assert islander.unmerged == number
        line.down = False
        assert islander.merge()
        other.merge()
        assert pulls(islander, "a") == pulls(other, "a") == [3]

    def test_what_waits_is_bounded_and_still_counts(self, monkeypatch):
        monkeypatch.setattr("salesboost_tools.selection.shared_arms._MOST_WAITING", 50)
        ledger = self.ledger()
        one, two = self.worker(ledger), self.worker(ledger)
        for number in range(400):
            one.add("search", "ab"[number % 2], GOOD, used_at_s=1.0)
        assert len(one._waiting) == 50
        assert pulls(one, "a", "b") == [200, 200]
        one.merge()
        two.merge()
        assert pulls(one, "a", "b") == pulls(two, "a", "b") == [200, 200]

    def test_a_dead_worker_takes_with_it_only_what_it_had_not_merged(self):
        ledger = self.ledger()
        one, two = self.worker(ledger), self.worker(ledger)
        for _ in range(5):
            one.add("search", "a", GOOD, used_at_s=1.0)
        one.merge()
        one.add("search", "a", GOOD, used_at_s=1.0)
        del one
        two.merge()
        assert pulls(two, "a") == [5]
        again = self.worker(ledger)
        again.add("search", "a", GOOD, used_at_s=1.0)
        again.merge()
        two.merge()
        assert pulls(again, "a") == pulls(two, "a") == [6]

    def test_who_was_away_for_too_long_takes_over_the_sums(self):
        ledger = self.ledger(most_batches=3)
        one, two = self.worker(ledger), self.worker(ledger)
        two.merge()
        two.add("search", "b", GOOD, used_at_s=1.0)
        for _ in range(8):
            one.add("search", "a", GOOD, used_at_s=1.0)
            one.merge()
        two.merge()
        assert pulls(two, "a", "b") == [8, 1]

    def test_a_ledger_that_lost_everything_is_told_again_what_was_known_once(self):
        ledger = self.ledger()
        workers = [self.worker(ledger) for _ in range(3)]
        for worker in workers:
            for _ in range(10):
                worker.add("search", "a", GOOD, used_at_s=1.0)
            worker.merge()
        for worker in workers:
            worker.merge()
        self.lose_everything(ledger)
        newcomer = self.worker(ledger)
        newcomer.add("search", "b", GOOD, used_at_s=1.0)
        newcomer.merge()
        for worker in workers:
            worker.add("search", "a", BAD, used_at_s=1.0)
            worker.merge()
        for worker in (*workers, newcomer):
            worker.merge()
        assert [pulls(worker, "a", "b") for worker in (*workers, newcomer)] == [[33, 1]] * 4

    def test_what_may_be_among_what_another_gives_back_is_not_told_again(self):
        ledger = self.ledger()
        line = UnreliableLedger(ledger)
        one, two = self.worker(line), self.worker(ledger)
        one.merge()
        one.add("search", "a", GOOD, used_at_s=1.0)
        line.deaf = True
        assert not one.merge()
        two.merge()
        assert pulls(two, "a") == [1]
        self.lose_everything(ledger)
        two.merge()
        line.deaf = False
        one.add("search", "b", GOOD, used_at_s=1.0)
        for worker in (one, two, one):
            assert worker.merge()
        assert pulls(one, "a", "b") == pulls(two, "a", "b") == [1, 1]

    def test_a_child_process_tells_nothing_that_is_its_parents_to_tell(self):
        ledger = self.ledger()
        store = self.worker(ledger)
        store.add("search", "a", GOOD, used_at_s=1.0)
        store.merge()
        store.add("search", "a", GOOD, used_at_s=1.0)
        parents = store._worker
        store.forked()
        assert store._worker != parents
        store.add("search", "b", GOOD, used_at_s=1.0)
        store.merge()
        assert pulls(store, "a", "b") == [1, 1]

    # Selectors

    def selector(self, ledger, clock, **more) -> tuple[ToolSelector, SharedArms]:
        store = SharedArms(ledger, in_background=False, clock=clock)
        return ToolSelector(state=store, seed=1, clock=clock, **more), store

    def use(self, selector, tool, context=None, *, success=True):
        _, decision_id = selector.select_tool(NAMES, context, available=[tool])
        selector.record_feedback(decision_id, success, 100)

    def test_what_one_worker_learnt_another_chooses_by(self, clock):
        ledger = self.ledger()
        (one, ones), (two, twos) = self.selector(ledger, clock), self.selector(ledger, clock)
        for _ in range(60):
            clock.advance(1)
            for tool in NAMES:
                self.use(one, tool, success=tool == "b")
        ones.merge()
        twos.merge()
        assert [two.select_tool(NAMES)[0] for _ in range(40)].count("b") >= 38

    def test_contexts_are_learnt_from_other_workers_too(self, clock):
        ledger = self.ledger()
        (one, ones), (two, twos) = self.selector(ledger, clock), self.selector(ledger, clock)
        for number in range(600):
            clock.advance(1)
            tool, kind = NAMES[number % 3], "xy"[number // 3 % 2]
            self.use(one, tool, {"kind": kind}, success=(tool, kind) in {("a", "x"), ("b", "y")})
            if number % 50 == 0:
                ones.merge()
                twos.merge()
        ones.merge()
        twos.merge()
        chosen = {kind: [two.select_tool(NAMES, {"kind": kind})[0] for _ in range(60)] for kind in "xy"}
        assert chosen["x"].count("a") > 45
        assert chosen["y"].count("b") > 45

    @pytest.mark.parametrize(
        "policy", [Adaptive(), Split(Adaptive(), Thompson(), 0.3)], ids=["alone", "in an A/B test"]
    )
    def test_why_a_tool_was_chosen_is_told_to_other_workers_too(self, clock, policy):
        """Else what the context earns would count for the best tool without it, and the context be given up."""
        ledger = self.ledger()
        one, ones = self.selector(ledger, clock, policy=policy)
        two, twos = self.selector(ledger, clock, policy=policy)
        luck, noted = Random(1), 0
        for number in range(600):
            clock.advance(1)
            kind = "xy"[number % 2]
            tool, decision_id = one.select_tool(NAMES, {"kind": kind})
            noted += one.find_decision(decision_id).note is not None
            right = (tool, kind) in {("a", "x"), ("b", "y")}
            one.record_feedback(decision_id, luck.random() < (0.9 if right else 0.4), 100)
            if number % 50 == 49:
                ones.merge()
                twos.merge()
        assert noted > 200
        assert rounded(two._memories.dump()) == rounded(one._memories.dump())

    def test_what_another_policy_noted_is_not_told_to_this_one(self, clock):
        ledger = self.ledger()
        (one, ones), (two, twos) = self.selector(ledger, clock, policy=Noting()), self.selector(ledger, clock)
        three, threes = self.selector(ledger, clock, policy=Noting(note=("a", 1)))
        self.use(one, "a")
        ones.merge()
        for each in (twos, threes):
            each.merge()
        assert [pulls_of(each, "a") for each in (two, three)] == [1, 1]
        assert three._memories.of("(unnamed)").notes == [None]

    @pytest.mark.parametrize(
        ("note", "told"),
        [(("a", 1), ["a", 1]), (0.5, 0.5), (object(), None), (None, None)],
        ids=["tuple", "number", "object", "nothing"],
    )
    def test_a_policy_of_ones_own_is_told_its_notes_as_far_as_json_knows_them(self, clock, note, told):
        ledger, policy = self.ledger(), Noting(note=note)
        (one, ones), (two, twos) = (self.selector(ledger, clock, policy=policy) for _ in range(2))
        self.use(one, "a")
        assert ones.merge()
        assert twos.merge()
        assert one._memories.of("(unnamed)").notes == [note]
        assert two._memories.of("(unnamed)").notes == [told]
        assert pulls_of(two, "a") == 1

    def test_an_outage_one_worker_met_another_avoids(self, clock):
        ledger = self.ledger()
        (one, ones), (two, twos) = self.selector(ledger, clock), self.selector(ledger, clock)
        for _ in range(100):
            clock.advance(1)
            self.use(one, "a", success=True)
            self.use(one, "b", success=_ % 10 < 7)
        ones.merge()
        twos.merge()
        assert [two.select_tool(["a", "b"])[0] for _ in range(30)].count("a") > 25
        for _ in range(8):
            clock.advance(1)
            self.use(one, "a", success=False)
        ones.merge()
        twos.merge()
        assert [two.select_tool(["a", "b"])[0] for _ in range(30)].count("b") > 25

    def test_a_new_worker_remembers_what_the_others_do(self, clock):
        ledger = self.ledger()
        one, ones = self.selector(ledger, clock)
        for number in range(300):
            clock.advance(1)
            self.use(one, NAMES[number % 3], {"kind": "xy"[number % 2]}, success=number % 2 == 0)
            if number in {100, 250}:
                clock.advance(61)
                ones.merge()
        ones.merge()
        two, twos = self.selector(ledger, clock)
        assert rounded(two._memories.dump()) == rounded(one._memories.dump())
        assert rounded(two._memories.dump())["(unnamed)"]["model"] is not None
        assert in_full(twos) == in_full(ones)

    def test_a_new_worker_knows_contexts_as_the_others_do_whose_outcomes_wait_to_be_learnt(self, clock):
        ledger, luck = self.ledger(), Random(2)
        one, ones = self.selector(ledger, clock)
        for number in range(300):
            clock.advance(1)
            self.use(one, NAMES[number % 3], {"kind": "xy"[number % 2]}, success=luck.random() < 0.8)
            if number in {100, 250}:
                clock.advance(61)
                ones.merge()
        ones.merge()
        two, _ = self.selector(ledger, clock)
        models = []
        for each in (one, two):
            each._memories.dump()  # learns what waits
            models.append(each._memories.of("(unnamed)")._model)
        assert all(model._at_once > 1 for model in models)
        for kind in "xyz":
            told, heard = [model.outlook(tuple(NAMES), {"kind": kind}) for model in models]
            for line, same in zip(told, heard, strict=True):
                assert same == pytest.approx(line, rel=1e-9)
        # evidence is counted by what was foretold before all that waited, so it depends a little on how much did
        assert models[1].log_odds == pytest.approx(models[0].log_odds, abs=0.1)

    def test_a_policy_of_another_version_starts_from_the_sums(self, clock):
        ledger = self.ledger()
        one, ones = self.selector(ledger, clock)
        for _ in range(30):
            self.use(one, "b")
        clock.advance(61)
        ones.merge()
        ones.merge()
        two, twos = self.selector(ledger, clock, policy=Adaptive(sharpness=2.0))
        assert two._memories.dump() == {}
        assert pulls_of(two, "b") == 30
        assert in_full(twos) == in_full(ones)

    def test_nobody_follows_what_a_ledger_cannot_have_meant(self, clock):
        ledger = self.ledger()
        one, ones = self.selector(ledger, clock)
        name = ones._follower.name
        ledger.keep(name, '{"epoch": "x", "place": "y"}', at_most_every_s=60)
        self.use(one, "a")
        ones.merge()
        two, _ = self.selector(ledger, clock)
        assert pulls_of(two, "a") == 1


def pulls_of(selector, tool) -> float:
    return selector.get_statistics()["(unnamed)"][tool].pulls


@pytest.fixture
def clock():
    return FakeClock()
