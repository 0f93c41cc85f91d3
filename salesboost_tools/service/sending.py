"""Texts that are due leave while the service runs, round after round, until it is told to stop."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from salesboost_tools.tools.sms import SmsOutbox

_logger = logging.getLogger(__name__)

_MOST = 10
"""Messages of one round: the service has to be able to stop between two rounds, soon."""
_DOUBLED_AT_MOST = 6
_LONGEST_PAUSE_S = 300.0

Pause = Callable[[float], Awaitable[object]]


class SendingRounds:
    """Sends what is due, of all tenants. Several workers may do so side by side: no message is sent twice.

    A round that fails is logged, and the next comes later: twice as late for each failure in a row, up to 5 minutes.

    Args:
        outbox: Whose messages.
        every_s: Seconds between two rounds, above 0.
        pause: Waits that long.
    """

    def __init__(self, outbox: SmsOutbox, every_s: float, *, pause: Pause = asyncio.sleep) -> None:
        self._outbox = outbox
        self._every_s = every_s
        self._pause = pause
        self._failures = 0
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Send until `stop` is called."""
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            while not stopping.done():
                if await self._round():
                    continue
                pausing = asyncio.ensure_future(self._pause(self.pause_s))
                await asyncio.wait({stopping, pausing}, return_when=asyncio.FIRST_COMPLETED)
                pausing.cancel()
        finally:
            stopping.cancel()

    def stop(self) -> None:
        """Let the round that is under way be the last one."""
        self._stopping.set()

    @property
    def pause_s(self) -> float:
        """Seconds until the next round."""
        pause_s = self._every_s * 2 ** min(self._failures, _DOUBLED_AT_MOST)
        return max(self._every_s, min(pause_s, _LONGEST_PAUSE_S))

    async def _round(self) -> bool:
        """Send what is due; return whether there may be more."""
        try:
            done = await self._outbox.adispatch_due(most=_MOST)
        except Exception:  # whatever it was, messages must not be left lying for it: the next round may succeed
            self._failures += 1
            _logger.exception("texts could not be sent; next try in %g s", self.pause_s)
            return False
        if done.stopped_by is not None:
            self._failures += 1
            _logger.warning("texts are not being sent: %s; next try in %g s", done.stopped_by, self.pause_s)
            return False
        self._failures = 0
        if done.still_unknown:
            _logger.warning("of %d texts it is not known whether they were sent", done.still_unknown)
        return done.handed_over + done.held_back >= _MOST


@asynccontextmanager
async def sending(outbox: SmsOutbox, every_s: float, *, grace_s: float = 5.0) -> AsyncGenerator[SendingRounds]:
    """Send in the background while the block runs.

    Args:
        outbox: Whose messages.
        every_s: Seconds between two rounds, above 0.
        grace_s: Seconds the last round may take at the end. A message that is cut off there is looked for by whoever
            comes next, and sent only if the provider has not got it.
    """
    rounds = SendingRounds(outbox, every_s)
    running = asyncio.ensure_future(rounds.run())
    try:
        yield rounds
    finally:
        rounds.stop()
        await asyncio.wait({running}, timeout=grace_s)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
