"""Four workers on one Redis: rates hold over all of them, and a worker that dies under load takes nothing with it."""

import asyncio
import json
import time
from collections import Counter

import httpx
import pytest

from salesboost_tools.tools.crm.embedded import FILE_NAME
from salesboost_tools.tools.crm.store import CrmStore
from tests.service.workers import service
from tests.services import RedisServer

pytestmark = [pytest.mark.soak, pytest.mark.timeout(300)]

WORKERS = 4


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


async def many(url, requests, *, at_once):
    """Make requests, some at a time, each on a connection of its own: so they spread over the workers."""
    turn = asyncio.Semaphore(at_once)

    async def one(request):
        async with turn, httpx.AsyncClient(base_url=url, timeout=30) as client:
            return await request(client)

    return await asyncio.gather(*(one(request) for request in requests))


async def test_a_rate_holds_over_all_workers_to_the_call(redis, tmp_path):
    rates = json.dumps({"stage_classifier": "60/minute"})
    with service(WORKERS, tmp_path, redis.url, TOOL_RATE_LIMITS=rates, TOOL_API_ROLE="coach") as workers:

        def ask(number):
            payload = {"message": f"What does it cost for {number} people?"}
            return lambda client: client.post("/tools/stage_classifier/invoke", json={"payload": payload})

        started = time.monotonic()
        answers = await many(workers.url, [ask(number) for number in range(300)], at_once=16)
        took_s = time.monotonic() - started
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) == {200, 429}
    assert 60 <= statuses[200] <= 60 + took_s  # a full bucket, and one more each second
    waits = [float(answer.headers["Retry-After"]) for answer in answers if answer.status_code == 429]
    assert all(0 < wait <= 300 for wait in waits)


async def test_a_worker_killed_under_load_loses_no_write_and_doubles_none(redis, tmp_path):
    unlimited = json.dumps({"crm_integration": "100000/second"})
    names = [f"Load Test {number:03}" for number in range(240)]
    with service(WORKERS, tmp_path, redis.url, TOOL_RATE_LIMITS=unlimited) as workers:
        cut_off, answered = 0, asyncio.Queue()

        def write(name):
            payload = {"operation": "create_account", "properties": {"name": name, "industry": "logistics"}}

            async def until_answered(client):
                nonlocal cut_off
                for _ in range(200):
                    try:
                        answer = await client.post(
                            "/tools/crm_integration/invoke",
                            json={"payload": payload},
                            headers={"Idempotency-Key": name},
                        )
                    except httpx.TransportError:
                        cut_off += 1
                        await asyncio.sleep(0.05)
                        continue
                    answered.put_nowait(name)
                    return answer
                raise AssertionError(f"{name} was never answered")

            return until_answered

        async def kill_in_the_middle():
            for _ in range(2):
                for _ in range(len(names) // 4):
                    await answered.get()
                workers.kill_one()

        answers, _ = await asyncio.gather(
            many(workers.url, [write(name) for name in names], at_once=16), kill_in_the_middle()
        )
    store = CrmStore(f"sqlite:///{tmp_path / '.salesboost' / FILE_NAME}")
    with store.database._engines.sync.reading.connect() as connection:
        rows = Counter(
            name for (name,) in connection.exec_driver_sql("SELECT name FROM accounts WHERE name LIKE 'Load Test %'")
        )
    store.close()
    assert cut_off  # somebody was being answered when the worker died
    assert max(rows.values()) == 1
    unclear = [answer for answer in answers if answer.status_code != 200]
    assert len(unclear) <= cut_off  # only those whose worker died before it answered
    for answer in unclear:  # what that worker did is not known, or is waited for until its claim has run out
        assert answer.status_code == 409, answer.text
        assert any(words in answer.json()["detail"] for words in ("unknown", "not known", "still being done")), (
            answer.text
        )
    for name, answer in zip(names, answers, strict=True):
        assert rows[name] == 1 or answer in unclear
