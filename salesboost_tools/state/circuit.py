"""Do not pay the time limit again and again for a backend that does not answer."""

import threading
import time

from salesboost_tools.core.clock import Clock
from salesboost_tools.core.errors import ConfigurationError

_FAILURES_BEFORE_OPEN = 3


class Circuit:
    """Opens at the first failure that cost its whole time limit, or after a few cheap ones in a row.

    While it is open no call tries. Somebody who has time to wait takes the probes, one per `probe_every_s`; the first
    comes after a tenth of that, for the failure may have been a hiccup. A success closes it.

    Args:
        probe_every_s: Seconds between two probes while open, above 0.
        failures_before_open: Cheap failures in a row that open it, at least 1: one lost connection is not an outage.
        clock: Monotonic seconds.

    Raises:
        ConfigurationError: A number is out of range.
    """

    def __init__(
        self,
        *,
        probe_every_s: float,
        failures_before_open: int = _FAILURES_BEFORE_OPEN,
        clock: Clock | None = None,
    ) -> None:
        if not probe_every_s > 0:
            raise ConfigurationError(f"probe_every_s is seconds, above 0; got {probe_every_s!r}")
        if failures_before_open < 1:
            raise ConfigurationError(f"failures_before_open is a number, 1 or more; got {failures_before_open!r}")
        self._probe_every_s = probe_every_s
        self._failures_before_open = failures_before_open
        self._now = clock or time.monotonic
        self._lock = threading.Lock()
        self._failures = 0
        self._probe_at_s = 0.0
        self.is_open = False
        """True while only probes may try."""
        self.failures = 0
        """Calls that were tried and failed, since the start."""
        self.spared = 0
        """Calls that were not tried because it was open, since the start."""
        self.last_failure = ""
        """What the latest failure said."""
        self._opened_at_s = 0.0

    @property
    def open_for_s(self) -> float | None:
        """Seconds since it opened; None while it is closed."""
        with self._lock:
            return self._now() - self._opened_at_s if self.is_open else None

    def may_try(self) -> bool:
        """Return whether a call may try."""
        if not self.is_open:
            return True
        with self._lock:
            self.spared += self.is_open
            return not self.is_open

    def take_probe(self) -> bool:
        """Return whether the caller is to find out if the backend answers again: once per interval while open."""
        with self._lock:
            now_s = self._now()
            if not self.is_open or now_s < self._probe_at_s:
                return False
            self._probe_at_s = now_s + self._probe_every_s
            return True

    def succeeded(self) -> None:
        """Note that the backend answered."""
        if self._failures or self.is_open:
            with self._lock:
                self._failures = 0
                self.is_open = False

    def failed(self, what: str, *, took_all_its_time: bool = False) -> None:
        """Note that a call was tried and the backend did not answer.

        Args:
            what: What happened, for operators.
            took_all_its_time: The call waited until its time limit; the next one must not wait again.
        """
        with self._lock:
            self.failures += 1
            self.last_failure = what
            self._failures += 1
            if not self.is_open and (took_all_its_time or self._failures >= self._failures_before_open):
                self.is_open = True
                self._opened_at_s = self._now()
                self._probe_at_s = self._opened_at_s + self._probe_every_s / 10
