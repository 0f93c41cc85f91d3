"""Which write a call is, and what its record says: the rules behind `IdempotencyHandler`."""

import asyncio
import copy
import logging
from collections.abc import Iterator
from enum import Enum, auto
from typing import Any

from langgraph.errors import GraphBubbleUp

from salesboost_tools.core.aftermath import may_have_happened
from salesboost_tools.core.cache_key import cache_key
from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.errors import IdempotencyError
from salesboost_tools.state import MISSING
from salesboost_tools.state.claim import Claim, ClaimState

_FIRST_NAP_S = 0.02
_LONGEST_NAP_S = 0.5
_NO_CANONICAL_FORM = "?"

_logger = logging.getLogger(__name__)


class Ending(Enum):
    """What the records are told of a write that ended without a result."""

    NOTHING_HAPPENED = auto()
    """The next one with the same key may do it."""
    UNKNOWN = auto()
    """It may have happened; it is not done again."""


# ---------------------------------------------------------------- which write it is


def protected_by(call: ToolCall) -> str | None:
    """Return the key of a write; None for a read, and for a write that nothing names."""
    if call.changes_nothing:
        return None
    key = key_of(call)
    if key is None:
        call.emit("unprotected")
    return key


def key_of(call: ToolCall) -> str | None:
    """Return what makes two calls the same write: `tool:` and 32 hexadecimal digits; None if nothing names it.

    A conversation is LangGraph's thread, which stays the same when a graph is resumed; else the session; else the user,
    so that the ids of two users' models cannot meet.
    """
    caller = call.caller
    if call.tool_call_id:
        if call.thread_id:
            name = {"call": call.tool_call_id, "thread": call.thread_id}
        elif caller.session_id:
            name = {"call": call.tool_call_id, "session": caller.session_id}
        else:
            name = {"call": call.tool_call_id, "user": caller.user_id}
    elif call.asked_key:
        name = {"asked": call.asked_key}
    else:
        return None
    return cache_key(call.name, caller.tenant_id, None, name)


def fingerprint_of(call: ToolCall) -> str:
    """Return what stands for the arguments of a write; those without a canonical form are all alike."""
    return cache_key(call.name, None, None, call.args) or _NO_CANONICAL_FORM


# ---------------------------------------------------------------- what became of it


def naps_within(wait_s: float) -> Iterator[float]:
    """Yield ever longer waits, in seconds, that add up to `wait_s`."""
    nap_s = _FIRST_NAP_S
    while wait_s > 0:
        yield min(nap_s, wait_s)
        wait_s -= nap_s
        nap_s = min(2 * nap_s, _LONGEST_NAP_S)


def next_nap(call: ToolCall, key: str, claim: Claim, naps: Iterator[float]) -> float:
    """Return how many seconds to wait for a write that is under way, or refuse to wait any longer."""
    nap_s = next(naps, None)
    if nap_s is None:
        raise IdempotencyError(
            f"`{call.name}` is under way elsewhere under the same key {key}; it will be known what became of it within "
            f"{claim.lease_left_s:.1f} s",
            for_model=f"`{call.name}` is still being done. Do not start it another way; ask again a little later.",
            retryable=True,
            retry_after=claim.lease_left_s,
        )
    return min(nap_s, claim.lease_left_s)


def token_of(claim: Claim) -> str | None:
    """Return the token of whoever must do the write now; None if it is not to be done."""
    return claim.token if claim.state is ClaimState.NEW else None


def answer_from(call: ToolCall, key: str, claim: Claim) -> Any:
    """Return the stored result of a write that was done before, or say why there is none.

    Raises:
        IdempotencyError: Its outcome is unknown, its result could not be kept, or it was another write.
    """
    if claim.state is ClaimState.UNKNOWN:
        raise IdempotencyError(
            f"`{call.name}` was begun before under the key {key} and its outcome is unknown; it is not done again. "
            "Look at what it changes, then ask for it under another key if it did not happen",
            for_model=f"It is not known whether `{call.name}` took effect earlier. Do not repeat it; check first.",
            outcome_unknown=True,
        )
    if claim.state is ClaimState.MISMATCH:
        raise IdempotencyError(
            f"`{call.name}` came with other arguments under the key {key}; one key stands for one write",
            for_model=f"`{call.name}` was already asked for under this id with other arguments. Make a new call.",
        )
    call.record.cached = True
    call.emit("replayed")
    if claim.value is MISSING:
        raise IdempotencyError(
            f"`{call.name}` has been done under the key {key}; its result could not be stored, so only that is known",
            for_model=f"`{call.name}` has already been done. Its answer was not kept. Do not repeat it.",
        )
    return copy.deepcopy(claim.value)


def ending_of(error: BaseException, *, started: bool) -> Ending:
    """Return what an error says of a write.

    Args:
        error: What was raised.
        started: Whether the tool itself was started. If it was not, nothing happened; but a time limit may have given
            up on a thread that has yet to begin, and says so.
    """
    if isinstance(error, GraphBubbleUp):  # the graph comes back and calls again
        return Ending.NOTHING_HAPPENED
    if not started and isinstance(error, Exception | asyncio.CancelledError):
        return Ending.UNKNOWN if getattr(error, "outcome_unknown", None) else Ending.NOTHING_HAPPENED
    return Ending.UNKNOWN if may_have_happened(error) else Ending.NOTHING_HAPPENED


def kept(result: Any) -> Any:
    """Return what to store of a result: a copy that nobody else changes; MISSING if there can be none."""
    try:
        return copy.deepcopy(result)
    except Exception:  # noqa: BLE001  (a result may refuse in any way; the write has happened all the same)
        return MISSING


def closed(call: ToolCall) -> IdempotencyError:
    """Return the refusal of a write that cannot be protected."""
    call.emit("store_failed", store="records", when_down="closed")
    return IdempotencyError(
        f"`{call.name}` was not run: whether it has been done before cannot be found out, for the state did not answer",
        for_model=f"`{call.name}` is not possible at the moment and was not done. Try again later.",
        retryable=True,
    )


def unanswered(call: ToolCall) -> bool:
    """Report that the records did not answer when they were told how a write ended; return that they have not heard."""
    call.emit("store_failed", store="records")
    return False


def unheard_of(call: ToolCall, key: str, outcome: Any) -> None:
    """Report that a write's outcome stands nowhere."""
    what = outcome.name.lower() if isinstance(outcome, Ending) else "done"
    call.emit("unrecorded", outcome=what)
    _logger.warning("`%s` ended as %s, which could not be recorded under the key %s", call.name, what, key)
