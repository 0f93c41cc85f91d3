"""`ToolHealthChecker`: probes tools, listens to their traffic, and says how they are."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from langchain_core.tools import BaseTool

from salesboost_tools.core.breaker import CircuitState
from salesboost_tools.core.clock import Clock
from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.spec import ToolSpec
from salesboost_tools.health.judgement import HealthRule, judge
from salesboost_tools.health.probe import Probed, ProbeRunner, probe_of
from salesboost_tools.health.report import HealthReport, HealthStatus, ToolHealth
from salesboost_tools.health.traffic import TrafficWindow
from salesboost_tools.observe.status import StatusFeed

_STORE = "state store"  # no tool can have this name: it holds a space


@dataclass(frozen=True, slots=True)
class _Finding:
    """What a probe found, and when."""

    probed: Probed
    at_s: float
    at: datetime


class ToolHealthChecker:
    """Says how healthy tools are.

    Probes run all at once, each within a time limit, and are believed for `ttl_s` seconds; whoever asks while one is
    under way waits for that one. What traffic and breakers show is looked up anew each time and costs no I/O.

    Args:
        tools: The tools; of a governed one the tool inside is probed (`health/probe.py: Probing`).
        ttl_s: Seconds for which a probe's finding is believed, 0 or more.
        variants: Tools that answer in a group's name: looked after like the others, and reported apart.
        timeout_s: Seconds a probe may take, above 0.
        feed: Where calls report how they end: `StatusHandler.feed`. None: only probes count.
        circuit: Given a tool's name, what its breaker does: `CircuitBreakerHandler.state_of`.
        store_probe: Asks the state store; if it fails, every tool is degraded. None if state is in this process.
        fallback: Returns what is done without at the moment, in words; None if nothing.
        rule: Where the lines are drawn.
        clock: Monotonic seconds.

    Raises:
        ConfigurationError: A number is out of range, or two tools share a name.
    """

    def __init__(
        self,
        tools: Iterable[BaseTool],
        ttl_s: float = 30.0,
        *,
        variants: Iterable[BaseTool] = (),
        timeout_s: float = 2.0,
        feed: StatusFeed | None = None,
        circuit: Callable[[str], CircuitState] | None = None,
        store_probe: Callable[[], Any] | None = None,
        fallback: Callable[[], str | None] | None = None,
        rule: HealthRule | None = None,
        clock: Clock | None = None,
    ) -> None:
        if not ttl_s >= 0:
            raise ConfigurationError(f"ttl_s is seconds, 0 or more; got {ttl_s!r}")
        if not timeout_s > 0:
            raise ConfigurationError(f"timeout_s is seconds, above 0; got {timeout_s!r}")
        self._limits_s: dict[str, float | None] = {}
        self._runners: dict[str, ProbeRunner] = {}
        tools = tuple(tools)
        self._names = tuple(tool.name for tool in tools)
        for tool in (*tools, *variants):
            if tool.name in self._limits_s:
                raise ConfigurationError(f"two tools have the name `{tool.name}`; names tell them apart")
            spec = getattr(tool, "spec", None)
            self._limits_s[tool.name] = spec.timeout_s if isinstance(spec, ToolSpec) else None
            probe = probe_of(tool)
            if probe is not None:
                self._runners[tool.name] = ProbeRunner(probe, timeout_s)
        if store_probe is not None:
            self._runners[_STORE] = ProbeRunner(store_probe, timeout_s)
        self._ttl_s = ttl_s
        self._circuit = circuit
        self._fallback = fallback
        self._rule = rule or HealthRule()
        self._now = clock or time.monotonic
        self._traffic = TrafficWindow(clock=self._now)
        self._findings: dict[str, _Finding] = {}
        self._under_way: dict[str, Future[None]] = {}
        self._lock = threading.Lock()
        self._leave = feed.watch(self._traffic.hear) if feed is not None else None

    @property
    def names(self) -> tuple[str, ...]:
        """All tools it knows, variants included."""
        return tuple(self._limits_s)

    async def check(self, tool_name: str, *, refresh: bool = False) -> ToolHealth:
        """Return the health of one tool.

        Args:
            tool_name: Which.
            refresh: Probe again even if the last finding is fresh.

        Raises:
            ConfigurationError: There is no such tool; the message names those there are.
        """
        self._refuse_unknown(tool_name)
        await self._probe([tool_name, _STORE], refresh=refresh)
        return self.status_of(tool_name)

    async def check_all(self, *, refresh: bool = False) -> HealthReport:
        """Return the health of all tools.

        Args:
            refresh: Probe again even where the last finding is fresh.
        """
        await self._probe(self._runners, refresh=refresh)
        return self.report()

    def report(self) -> HealthReport:
        """Return what is known now, without asking anybody."""
        known = {name: self.status_of(name) for name in self._limits_s}
        tools = {name: known.pop(name) for name in self._names}
        return HealthReport(tools, known)

    def status_of(self, tool_name: str) -> ToolHealth:
        """Return what is known of one tool now, without asking anybody.

        Raises:
            ConfigurationError: There is no such tool; the message names those there are.
        """
        self._refuse_unknown(tool_name)
        return self._judged(tool_name, self._findings.get(tool_name))

    def is_unhealthy(self, tool_name: str) -> bool:
        """Return whether a tool had better not be chosen. Strangers are not unhealthy; nobody is asked.

        A probe's finding counts as long as it is believed (`ttl_s`): a tool that nobody probes again and nobody chooses
        could otherwise never show that it is back.
        """
        if tool_name not in self._limits_s:
            return False
        finding = self._findings.get(tool_name) if self._is_fresh(tool_name) else None
        return self._judged(tool_name, finding).status is HealthStatus.UNHEALTHY

    def store_failure(self) -> str | None:
        """Return why the state store did not answer when it was last asked; None if it did, or was not asked."""
        finding = self._findings.get(_STORE)
        return None if finding is None else finding.probed.failure

    def close(self) -> None:
        """Listen to traffic no longer."""
        if self._leave is not None:
            self._leave()

    def _judged(self, tool_name: str, finding: _Finding | None) -> ToolHealth:
        circuit = self._circuit(tool_name) if self._circuit is not None else None
        traffic = self._traffic.of(tool_name)
        probed = None if finding is None else finding.probed
        status, reasons = judge(
            self._rule,
            probed=probed,
            traffic=traffic,
            circuit=circuit,
            limit_s=self._limits_s[tool_name],
            missing=self._missing(),
        )
        return ToolHealth(
            tool=tool_name,
            status=status,
            reasons=reasons,
            checked_at=None if finding is None else finding.at,
            probed=probed,
            traffic=traffic,
            circuit=None if circuit is None else circuit.value,
        )

    # ------------------------------------------------------------ probing

    async def _probe(self, names: Iterable[str], *, refresh: bool) -> None:
        wanted = [name for name in names if name in self._runners and (refresh or not self._is_fresh(name))]
        await asyncio.gather(*[self._probe_one(name) for name in wanted])

    async def _probe_one(self, name: str) -> None:
        """Run a probe, or wait for the one that is under way."""
        mine = Future[None]()
        with self._lock:
            first = self._under_way.setdefault(name, mine)
        if first is not mine:
            await asyncio.shield(asyncio.wrap_future(first))
            return
        try:
            probed = await self._runners[name].run()
            self._findings[name] = _Finding(probed, self._now(), datetime.now(UTC))
        finally:  # cancelled: those who wait go by what was known before
            with self._lock:
                del self._under_way[name]
            mine.set_result(None)

    def _is_fresh(self, name: str) -> bool:
        finding = self._findings.get(name)
        return finding is not None and self._now() - finding.at_s < self._ttl_s

    def _missing(self) -> str | None:
        failure = self.store_failure()
        if failure is not None:
            return f"the state store does not answer: {failure}"
        return self._fallback() if self._fallback is not None else None

    def _refuse_unknown(self, tool_name: str) -> None:
        if tool_name not in self._limits_s:
            raise ConfigurationError(f"no tool {tool_name!r}; there are: {', '.join(self._limits_s) or 'none'}")
