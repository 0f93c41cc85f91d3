"""What a caller learns when it claims a write."""

import secrets
from dataclasses import dataclass
from enum import Enum
from typing import Any

from salesboost_tools.state.missing import MISSING


class ClaimState(Enum):
    """What is known of a write at the moment it is claimed."""

    NEW = "new"
    """Nobody has begun it; the caller owns it now and must run it."""
    RUNNING = "running"
    """Somebody else runs it."""
    DONE = "done"
    """It happened; the claim holds its value."""
    UNKNOWN = "unknown"
    """Somebody began it and was not heard of again: it may have happened. Never to be repeated blindly."""
    MISMATCH = "mismatch"
    """The same key stands for another write."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The answer to `RecordStore.begin`."""

    state: ClaimState
    token: str | None = None
    """NEW: what the owner shows when it reports the outcome."""
    value: Any = MISSING
    """DONE: the stored value; MISSING if it could not be kept exactly."""
    lease_left_s: float = 0.0
    """RUNNING: seconds until the owner's lease ends, above 0."""


def new_token(fingerprint: str) -> str:
    """Return a token nobody can guess. It carries the fingerprint, so a lost record can be written again."""
    return f"{secrets.token_hex(16)}:{fingerprint}"


def fingerprint_of(token: str) -> str:
    """Return the fingerprint a token was made for."""
    return token.partition(":")[2]
