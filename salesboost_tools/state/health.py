"""What a health check may know of a state backend."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StateHealth:
    """How a state backend does, read off without asking it.

    While it does not answer, every need does what it promises for that case: limits count in this process or refuse,
    reads are not cached, writes under a key are refused.
    """

    where: str
    """Which backend, for people: no user, no password."""
    answers: bool = True
    """False: calls do without it until a probe is answered."""
    down_for_s: float | None = None
    """Seconds since it stopped answering; None if it answers."""
    unanswered: int = 0
    """Requests since the start that it did not answer, or that were spared because it did not."""
    last_failure: str = ""
    """What the latest failure said; "" if there never was one."""
