"""A Redis whose clock the test turns."""

from typing import Any

from salesboost_tools.state.redis import RedisState
from salesboost_tools.state.redis_scripts import Script
from tests.doubles import FakeClock

_AGE = """
local cursor, aged = '0', 0
repeat
  local page = redis.call('SCAN', cursor, 'MATCH', ARGV[1], 'COUNT', 1000)
  cursor = page[1]
  for _, key in ipairs(page[2]) do
    redis.call('PEXPIRE', key, redis.call('PTTL', key) - ARGV[2])
    aged = aged + 1
  end
until cursor == '0'
return aged
"""


class AgeingClock(FakeClock):
    """As it advances, everything stored under a prefix comes so much closer to its end."""

    watched: tuple[RedisState, str, int] | None = None

    def watch(self, state: RedisState, prefix: str, stretched: int = 1) -> None:
        self.watched = state, prefix, stretched

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        if self.watched is not None:
            state, prefix, stretched = self.watched
            state.send("EVAL", _AGE, 0, f"{prefix}:*", round(seconds * 1000 * stretched))


_AND_PERSIST = """
local function script()
  %s
end
local reply = script()
for _, key in ipairs(KEYS) do
  redis.call('PERSIST', key)
end
return reply
"""


class ScriptsOnTestClock:
    """Runs the real scripts, except that they take the time from the test and not from the server.

    `expiring` False keeps what they store, however long the test takes while its clock stands still.
    """

    in_cluster = False

    def __init__(self, state: RedisState, clock: FakeClock, *, expiring: bool):
        self._state = state
        self._clock = clock
        self._expiring = expiring
        self.send, self.asend = state.send, state.asend

    def run(self, script: Script, keys: tuple[bytes, ...], *arguments: Any) -> Any:
        return self._state.send(*self._command(script, keys, arguments))

    async def arun(self, script: Script, keys: tuple[bytes, ...], *arguments: Any) -> Any:
        return await self._state.asend(*self._command(script, keys, arguments))

    def _command(self, script: Script, keys: tuple[bytes, ...], arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        text = script.text.replace("redis.call('TIME')", "{ARGV[#ARGV - 1], ARGV[#ARGV]}")
        if not self._expiring:
            text = _AND_PERSIST.replace("%s", text)
        seconds, microseconds = divmod(round(self._clock() * 1_000_000), 1_000_000)
        return "EVAL", text, len(keys), *keys, *arguments, seconds, microseconds


class StretchedTimesToLive:
    """Lets a second of a cache take a hundred on the server, so what the test itself takes counts for nothing."""

    TIMES = 100
    in_cluster = False

    def __init__(self, state: RedisState):
        self._state = state
        self.delete_matching, self.adelete_matching = state.delete_matching, state.adelete_matching

    def run(self, script: Script, keys: tuple[bytes, ...]) -> Any:
        return self._shrunk(self._state.run(script, keys))

    async def arun(self, script: Script, keys: tuple[bytes, ...]) -> Any:
        return self._shrunk(await self._state.arun(script, keys))

    def send(self, *command: Any) -> Any:
        return self._state.send(*self._stretched(command))

    async def asend(self, *command: Any) -> Any:
        return await self._state.asend(*self._stretched(command))

    def _shrunk(self, reply: Any) -> Any:
        return reply and [reply[0], -(-reply[1] // self.TIMES)]

    def _stretched(self, command: tuple[Any, ...]) -> tuple[Any, ...]:
        *others, option, ttl_ms = command
        assert option == "PX"
        return (*others, option, ttl_ms * self.TIMES)
