"""Idempotency records shared through Redis: one owner per write, whatever races or dies."""

from typing import Any, Final

from salesboost_tools.core.errors import StateUnavailableError
from salesboost_tools.state.claim import Claim, ClaimState, fingerprint_of, new_token
from salesboost_tools.state.envelope import NotStorableError, seal, unseal
from salesboost_tools.state.missing import MISSING
from salesboost_tools.state.redis_scripts import Commands, encoded, load_script, microseconds, milliseconds

_KIND: Final = "record"
_UNANSWERED_AT_MOST = 1000


class RedisRecords:
    """A `RecordStore` on Redis: scripts decide, the server counts the time.

    A value that cannot be kept exactly is not kept: the write is done all the same, and its claim holds `MISSING`.

    Args:
        commands: The connection.
        prefix: Stands before every key.
        keep_unknown_s: Seconds for which the record of a write is kept whose owner is never heard of again.
    """

    def __init__(self, commands: Commands, prefix: str, *, keep_unknown_s: float) -> None:
        self._commands = commands
        self._prefix = prefix
        self._keep_unknown_s = keep_unknown_s
        self._begin = load_script("record_begin")
        self._finish = load_script("record_finish")
        self._release = load_script("record_release")
        self._leave_unknown = load_script("record_leave_unknown")
        self._unanswered: dict[str, str] = {}  # key -> token of a claim that may have been granted to nobody

    def begin(self, key: str, fingerprint: str, lease_s: float) -> Claim:
        """Claim a write, or learn what became of it."""
        token = self._token_for(key, fingerprint)
        try:
            reply = self._commands.run(
                self._begin, (self._stored_under(key),), fingerprint, token, *self._terms(lease_s)
            )
        except StateUnavailableError:
            self._remember_unanswered(key, token)
            raise
        return _claim(reply, token)

    def finish(self, key: str, token: str, value: Any, ttl_s: float) -> bool:
        """Keep the value of a write that happened; False if the write is somebody else's by now."""
        return bool(
            self._commands.run(
                self._finish,
                (self._stored_under(key),),
                token,
                fingerprint_of(token),
                _sealed_or_nothing(value),
                milliseconds(ttl_s),
            )
        )

    def release(self, key: str, token: str) -> bool:
        """Forget a write of which nothing happened; False if it is not the token's, or is done."""
        return bool(self._commands.run(self._release, (self._stored_under(key),), token))

    def leave_unknown(self, key: str, token: str, ttl_s: float) -> bool:
        """Keep that a write may have happened; False if it is not the token's, or is done."""
        return bool(
            self._commands.run(
                self._leave_unknown, (self._stored_under(key),), token, fingerprint_of(token), milliseconds(ttl_s)
            )
        )

    async def abegin(self, key: str, fingerprint: str, lease_s: float) -> Claim:
        """Do what `begin` does."""
        token = self._token_for(key, fingerprint)
        answered = False
        try:
            reply = await self._commands.arun(
                self._begin, (self._stored_under(key),), fingerprint, token, *self._terms(lease_s)
            )
            answered = True
        finally:
            if not answered:  # also when cancelled
                self._remember_unanswered(key, token)
        return _claim(reply, token)

    async def afinish(self, key: str, token: str, value: Any, ttl_s: float) -> bool:
        """Do what `finish` does."""
        return bool(
            await self._commands.arun(
                self._finish,
                (self._stored_under(key),),
                token,
                fingerprint_of(token),
                _sealed_or_nothing(value),
                milliseconds(ttl_s),
            )
        )

    async def arelease(self, key: str, token: str) -> bool:
        """Do what `release` does."""
        return bool(await self._commands.arun(self._release, (self._stored_under(key),), token))

    async def aleave_unknown(self, key: str, token: str, ttl_s: float) -> bool:
        """Do what `leave_unknown` does."""
        return bool(
            await self._commands.arun(
                self._leave_unknown, (self._stored_under(key),), token, fingerprint_of(token), milliseconds(ttl_s)
            )
        )

    def _stored_under(self, key: str) -> bytes:
        return encoded(f"{self._prefix}:record:{key}")

    def _terms(self, lease_s: float) -> tuple[int, int]:
        return microseconds(lease_s), milliseconds(lease_s + self._keep_unknown_s)

    # A claim whose answer is lost may have been granted. Its token goes into the next claim for the same key, once:
    # the server takes the same token for the same claim, and nobody waits for an owner who never knew he was one.

    def _token_for(self, key: str, fingerprint: str) -> str:
        token = self._unanswered.pop(key, None)
        return token if token is not None and fingerprint_of(token) == fingerprint else new_token(fingerprint)

    def _remember_unanswered(self, key: str, token: str) -> None:
        if len(self._unanswered) < _UNANSWERED_AT_MOST:
            self._unanswered[key] = token


def _sealed_or_nothing(value: Any) -> bytes:
    try:
        return seal(value, _KIND)
    except NotStorableError:
        return b""


def _claim(reply: list[Any], token: str) -> Claim:
    state = ClaimState(reply[0].decode())
    if state is ClaimState.NEW:
        return Claim(state, token=token)
    if state is ClaimState.RUNNING:
        return Claim(state, lease_left_s=reply[1] / 1_000_000)
    if state is ClaimState.DONE:
        sealed = unseal(reply[1], _KIND)
        return Claim(state, value=MISSING if sealed is None else sealed.value)
    return Claim(state)
