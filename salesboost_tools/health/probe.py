"""Ask a tool's own probe whether what the tool needs is there, for no longer than a time limit."""

import asyncio
import inspect
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol, cast, runtime_checkable

from salesboost_tools.core.errors import SalesToolsError
from salesboost_tools.nodes.threads import THREAD_PER_CALL


@runtime_checkable
class Probing(Protocol):
    """A tool that can say whether it works.

    `probe()` touches what the tool needs (asks the database, reads the index, logs in at the provider) and raises if
    that fails; what it returns, if it is a mapping, is shown to operators. A tool may have `aprobe()` besides, or
    alone.
    """

    def probe(self) -> Mapping[str, Any] | None:
        """Raise unless the tool works."""
        ...


@dataclass(frozen=True, slots=True)
class Probed:
    """What a probe found.

    Attributes:
        seconds: How long it took.
        failure: Why it failed, None if it did not: our own errors in their words, of others only the class, for their
            messages may hold anything.
        details: What it told.
    """

    seconds: float
    failure: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])


class ProbeRunner:
    """Runs one probe, never twice at once: one that hangs is not joined by more.

    Args:
        probe: The probe; sync ones run in a thread.
        timeout_s: Seconds after which it is given up.
    """

    def __init__(self, probe: Callable[[], Any], timeout_s: float) -> None:
        self._probe = probe
        self._timeout_s = timeout_s
        self._hanging: Future[Any] | None = None
        self._lock = threading.Lock()

    async def run(self) -> Probed:
        """Return what the probe found; never raises for what the probe did."""
        started_s = perf_counter()
        try:
            told = await asyncio.wait_for(self._told(), self._timeout_s)
        except TimeoutError:
            return Probed(perf_counter() - started_s, f"the probe did not answer within {self._timeout_s:g} s")
        except Exception as error:  # noqa: BLE001  (whatever a probe raises is its finding)
            return Probed(perf_counter() - started_s, _in_words(error))
        details = dict(cast("Mapping[str, Any]", told)) if isinstance(told, Mapping) else {}
        return Probed(perf_counter() - started_s, None, details)

    async def _told(self) -> Any:
        if inspect.iscoroutinefunction(self._probe):
            return await self._probe()
        with self._lock:
            if self._hanging is not None and not self._hanging.done():
                raise TimeoutError
            self._hanging = THREAD_PER_CALL.submit(self._probe)
            waiting = asyncio.wrap_future(self._hanging)
        return await asyncio.shield(waiting)


def probe_of(tool: object) -> Callable[[], Any] | None:
    """Return how to probe a tool, or the tool inside a governed one: `aprobe` before `probe`; None if there is none."""
    inner = getattr(tool, "inner", None)
    for candidate in (tool, inner) if inner is not None else (tool,):
        for name in ("aprobe", "probe"):
            probe = getattr(candidate, name, None)
            if callable(probe):
                return probe
    return None


def _in_words(error: Exception) -> str:
    words = str(error) if isinstance(error, SalesToolsError) else ""
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
