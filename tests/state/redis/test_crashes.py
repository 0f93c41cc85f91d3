"""A worker may die at any moment of a write: what it did happened once, or is known to be unknown."""

import os
import random
import secrets
import time

import pytest

from salesboost_tools.core.errors import StateUnavailableError
from salesboost_tools.state import ClaimState
from salesboost_tools.state.redis import RedisState
from tests.services import process_context
from tests.state.redis.conftest import PATIENT, new_prefix

LEASE_S = 0.05


def write_once(url, prefix, key, ledger, pause_s):
    """Do what a worker does: claim, act, report. The effect is a line in a file."""
    records = RedisState(url, prefix=prefix, **PATIENT).records
    try:
        claim = records.begin(key, "f", LEASE_S)
        if claim.state is not ClaimState.NEW:
            return
        time.sleep(pause_s)
        file = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, f"{key}\n".encode())
        os.close(file)
        time.sleep(pause_s)
        records.finish(key, claim.token, "sent", 600)
    except StateUnavailableError:
        return


@pytest.mark.parametrize(
    "writes", [15, pytest.param(100, marks=[pytest.mark.soak, pytest.mark.timeout(300)])], ids=["short", "soak"]
)
def test_a_worker_killed_at_any_moment_did_it_once_or_leaves_it_unknown(shared_server, tmp_path, writes):
    context, prefix, draw = process_context(), new_prefix(), random.Random(writes)
    ledger, outcomes = tmp_path / "effects", []
    state = RedisState(shared_server.url, prefix=prefix, **PATIENT)
    context.Process(target=write_once, args=(shared_server.url, prefix, "warm", str(ledger), 0)).start()
    for number in range(writes):
        key = f"write-{number}-{secrets.token_hex(4)}"
        workers = [
            context.Process(target=write_once, args=(shared_server.url, prefix, key, str(ledger), 0.01))
            for _ in range(2)
        ]
        for worker in workers:
            worker.start()
        if number % 5 == 0:  # nobody dies
            for worker in workers:
                worker.join(10)
        else:
            moment_s = draw.uniform(0, 0.06)
            time.sleep(moment_s)
            for worker in workers:
                if worker.is_alive():
                    worker.kill()
                worker.join(10)
        while (claim := state.records.begin(key, "f", LEASE_S)).state is ClaimState.RUNNING:
            time.sleep(claim.lease_left_s)
        happened = ledger.read_text().split().count(key) if ledger.exists() else 0
        outcomes.append((claim.state, happened))
        if claim.state is ClaimState.NEW:
            assert happened == 0  # nobody had begun it, so a caller may
        elif claim.state is ClaimState.DONE:
            assert (happened, claim.value) == (1, "sent")
        else:
            assert claim.state is ClaimState.UNKNOWN
            assert happened <= 1
    states = {claim_state for claim_state, _ in outcomes}
    assert ClaimState.DONE in states
    if writes == 100:
        assert {(ClaimState.UNKNOWN, 0), (ClaimState.UNKNOWN, 1)} <= set(outcomes)
    state.close()


def race(url, prefix, writes, begin, results):
    records = RedisState(url, prefix=prefix, **PATIENT).records
    begin.wait(30)
    results.put([number for number in range(writes) if records.begin(f"w{number}", "f", 60).state is ClaimState.NEW])


def test_of_racing_processes_one_begins_each_write(shared_server):
    context, prefix = process_context(), new_prefix()
    begin, results = context.Barrier(4), context.Queue()
    workers = [context.Process(target=race, args=(shared_server.url, prefix, 100, begin, results)) for _ in range(4)]
    for worker in workers:
        worker.start()
    begun = sorted(number for _ in workers for number in results.get(timeout=60))
    for worker in workers:
        worker.join(10)
    assert begun == list(range(100))
