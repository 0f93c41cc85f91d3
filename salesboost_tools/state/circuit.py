"""Do not pay the time limit again and again for a backend that does not answer."""

import threading
import time

from salesboost_tools.core.clock import Clock
from salesboost_tools.core.errors import ConfigurationError

_FAILURES_BEFORE_OPEN = 3


class Circuit:
    """Opens after a few failures in a row; then one call per `probe_every_s` may try, and its success closes it.

    Args:
        probe_every_s: Seconds between two tries while open, above 0.
        failures_before_open: Failures in a row that open it, at least 1: one late answer is not an outage.
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

    def may_try(self) -> bool:
        """Return whether a call may try; while open, True for one call per interval, which is the probe."""
        if not self.is_open:
            return True
        with self._lock:
            now_s = self._now()
            if self.is_open and now_s < self._probe_at_s:
                self.spared += 1
                return False
            self._probe_at_s = now_s + self._probe_every_s
            return True

    def succeeded(self) -> None:
        """Note that the backend answered."""
        if self._failures or self.is_open:
            with self._lock:
                self._failures = 0
                self.is_open = False

    def failed(self, what: str) -> None:
        """Note that a call was tried and the backend did not answer."""
        with self._lock:
            self.failures += 1
            self.last_failure = what
            self._failures += 1
            if self._failures >= self._failures_before_open:
                self.is_open = True
                self._probe_at_s = self._now() + self._probe_every_s
