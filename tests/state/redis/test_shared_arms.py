"""Workers share what they learn through a ledger on Redis."""

import signal
import subprocess
import sys
from random import Random

import pytest

from salesboost_tools.selection.shared_arms import SharedArms
from salesboost_tools.state.redis_ledger import RedisLedger
from tests.selection.shared_contract import SharedContract
from tests.state.redis.learning_worker import BATCH


class TestSharedArmsOnRedis(SharedContract):
    @pytest.fixture(autouse=True)
    def states(self, new_state):
        self._new_state = new_state

    def ledger(self, **options):
        self._state = self._new_state()
        return RedisLedger(self._state, self._state.cache._prefix, **options)

    def lose_everything(self, ledger):
        self._state.delete_matching(f"{self._state.cache._prefix}:{{ledger}}:*".encode())


@pytest.fixture
def worker(shared_server):
    """Starts workers in processes of their own, and ends them with the test."""
    started = []

    def start(prefix: str, name: str, calls: int) -> subprocess.Popen:
        words = ["-m", "tests.state.redis.learning_worker", shared_server.url, prefix, name, str(calls)]
        started.append(subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_of_four_workers_two_are_killed_and_nothing_is_counted_twice_or_lost_but_their_last_batch(new_state, worker):
    state, calls, luck = new_state(), 140, Random(4)
    prefix = state.cache._prefix
    doomed = {name: worker(prefix, name, 10**9) for name in ("doomed 1", "doomed 2")}
    others = {name: worker(prefix, name, calls) for name in ("other 1", "other 2")}
    merged = {}
    for name, process in doomed.items():
        for _ in range(luck.randint(3, 30)):
            merged[name] = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        merged[name] = int(([str(merged[name]), *process.stdout.read().split()])[-1])  # (said before it died)
    assert [process.wait(50) for process in others.values()] == [0, 0]

    seen = SharedArms(state.ledger, in_background=False)
    seen.merge()
    counted = {arm: record.statistics for arm, record in seen.records()["(unnamed)"].items()}
    assert {name: counted[name].pulls for name in others} == dict.fromkeys(others, calls)
    for name in doomed:  # killed between the merge and its word, it had merged one batch more than it said
        assert counted[name].pulls in {merged[name], merged[name] + BATCH}
    for known in counted.values():
        count = round(known.pulls)
        assert known.successes == count - count // 3
        assert known.latency_s == pytest.approx(sum(range(1, count + 1)) / 10, rel=1e-12)


def test_a_new_process_begins_with_what_all_before_it_learnt(new_state, worker):
    prefix = new_state().cache._prefix
    for _ in range(3):
        assert worker(prefix, "the tool", 21).wait(50) == 0
    seen = SharedArms(new_state(prefix=prefix).ledger, in_background=False)
    seen.merge()
    assert [known.pulls for known in seen.read("(unnamed)", ["the tool"])] == [63]
