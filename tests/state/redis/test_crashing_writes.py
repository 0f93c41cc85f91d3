"""A process that dies in the middle of a governed write did it once, or not at all, or is reported as unknown."""

import asyncio
import random
import secrets
import signal

import pytest

from salesboost_tools.core.errors import IdempotencyError
from salesboost_tools.governed import govern
from salesboost_tools.handlers.idempotency import IdempotencyHandler
from salesboost_tools.state.redis import RedisState
from tests.services import process_context
from tests.state.redis.conftest import new_prefix
from tests.state.redis.crashing_write import LEASE_S, PATIENT, STEPS, SendLetter, call_of, send

UNKNOWN = "unknown"
WAYS = ("sync", "async")


class Mailroom:
    """Sends letters in processes of their own, and asks for them again in this one, as a resumed graph would."""

    def __init__(self, url, folder):
        self.place = url, new_prefix(), str(folder / "outbox")
        self._outbox = folder / "outbox"
        self._context = process_context()
        self._state = RedisState(url, prefix=self.place[1], **PATIENT)

    def worker(self, letter, way, **options):
        process = self._context.Process(target=send, args=(self.place, letter, way), kwargs=options)
        process.start()
        return process

    def racing_workers(self, letter):
        """Start two that are about to send the letter."""
        pipes = [self._context.Pipe(duplex=False) for _ in range(2)]
        workers = [self.worker(letter, "async", pause_s=0.01, ready=sender) for _, sender in pipes]
        for receiver, _ in pipes:
            assert receiver.recv() == "ready"
        return workers

    async def again(self, letter, way):
        """Ask for a letter anew; return what the model is told, and how often it was sent in the end."""
        handler = IdempotencyHandler(self._state, lease_s=LEASE_S)
        tool, (call, config) = govern(SendLetter(outbox=self.place[2]), handler), call_of(letter)
        try:
            answer = tool.invoke(call, config) if way == "sync" else await tool.ainvoke(call, config)
        except IdempotencyError as error:
            assert error.outcome_unknown, error
            assert "not known whether" in error.for_model
            return UNKNOWN, self.sent(letter)
        return answer.content, self.sent(letter)

    def sent(self, letter):
        return self._outbox.read_text().split().count(letter) if self._outbox.exists() else 0

    def close(self):
        self._state.close()


@pytest.fixture
def mailroom(shared_server, tmp_path):
    mailroom = Mailroom(shared_server.url, tmp_path)
    yield mailroom
    mailroom.close()


EXPECTED = dict(
    zip(
        STEPS,
        [
            ("sent to {}", 0, 1),  # nobody had begun it
            (UNKNOWN, 0, 0),
            (UNKNOWN, 0, 0),
            (UNKNOWN, 1, 1),
            (UNKNOWN, 1, 1),
            ("sent to {}", 1, 1),  # from its record
        ],
        strict=True,
    )
)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("step", STEPS)
async def test_a_process_killed_at_a_step_of_a_write(mailroom, step, way):
    told, sent_by_the_dead, sent_in_the_end = EXPECTED[step]
    letter = f"letter-{secrets.token_hex(4)}"
    worker = mailroom.worker(letter, way, dies_at=step)
    worker.join(30)
    assert worker.exitcode == -signal.SIGKILL
    assert mailroom.sent(letter) == sent_by_the_dead
    for _ in range(2):  # asking once more changes nothing
        assert await mailroom.again(letter, way) == (told.format(letter), sent_in_the_end)


@pytest.mark.parametrize(
    "kills", [8, pytest.param(100, marks=[pytest.mark.soak, pytest.mark.timeout(300)])], ids=["short", "soak"]
)
async def test_processes_killed_at_random_points_of_a_write_that_two_of_them_race_for(mailroom, kills):
    draw = random.Random(kills)
    mailroom.worker("warm", "async").join(30)
    ends = []
    for number in range(kills):
        letter = f"letter-{number}-{secrets.token_hex(4)}"
        workers = mailroom.racing_workers(letter)
        await asyncio.sleep(draw.uniform(0, draw.choice([0.02, 0.06, 0.3])))  # a busy machine takes its time
        for worker in workers:
            worker.kill()
            worker.join(30)
        sent_by_the_dead = mailroom.sent(letter)
        told, sent = await mailroom.again(letter, draw.choice(WAYS))
        ends.append((told == UNKNOWN, sent_by_the_dead))
        assert sent_by_the_dead <= 1
        if told == UNKNOWN:
            assert sent == sent_by_the_dead  # it was not done again, and nobody was told that it was done
        else:
            assert (told, sent) == (f"sent to {letter}", 1)
    assert len(ends) == kills
    if kills == 100:
        assert {told for told, _ in ends} == {True, False}
        assert {sent for _, sent in ends} == {0, 1}
