"""Tool metrics for Prometheus.

| Metric | Type | Labels | Meaning |
|---|---|---|---|
| `salesboost_tool_calls_total` | counter | tool, status, role | finished calls; status: success, error, cached, refused, rate_limited, circuit_open, conflict, timeout, interrupted, cancelled |
| `salesboost_tool_call_duration_seconds` | histogram | tool | a whole call, waits and retries included |
| `salesboost_tool_attempt_duration_seconds` | histogram | tool | one attempt of the tool itself |
| `salesboost_tool_errors_total` | counter | tool, error_type | failed calls by class of error |
| `salesboost_tool_cache_operations_total` | counter | tool, operation | hit, shared, miss |
| `salesboost_tool_retries_total` | counter | tool | attempts after the first |
| `salesboost_tool_rate_limited_total` | counter | tool | attempts refused by the rate limit |
| `salesboost_tool_approvals_total` | counter | tool, outcome | calls that need approval; outcome: requested, approved, rejected |
| `salesboost_tool_idempotency_total` | counter | tool, outcome | writes; outcome: replayed (answered from the record), unprotected (nothing names them), unrecorded (their end stands nowhere) |
| `salesboost_tool_circuit_changes_total` | counter | tool, state | changes of circuit breakers; state: opened, closed |
| `salesboost_tool_open_circuits` | gauge | tool | circuit breakers of the tool that are open now; 0 or 1 unless breakers have keys of their own |
| `salesboost_tool_rate_limit_wait_seconds_total` | counter | tool | seconds that calls waited for their turn under the rate limit |
| `salesboost_tool_state_failures_total` | counter | tool, store | requests that a store did not answer; store: cache, limits, records |
| `salesboost_tool_selections_total` | counter | group, tool, by | choices among the tools of a group; by: policy, nobody (the first available tool served) |
| `salesboost_tool_selection_rewards` | histogram | group, tool | what outcomes of choices were worth; less than nothing counts as 0 |
| `salesboost_tool_guardrail_changes_total` | counter | group, state | changes of a group's guardrail; state: engaged (the first tool serves), released |
| `salesboost_tool_guardrails_engaged` | gauge | group | guardrails that hold the group back now, one per process at most |
| `salesboost_tool_fan_out_calls` | histogram | node | calls of a message that a `ToolFanOut` was given |
| `salesboost_tool_fan_out_running` | gauge | node | calls of nodes under way now |
| `salesboost_tool_fan_out_queue_seconds` | histogram | node | from a message's arrival to the start of a call: how long it waited for room, or for the writes before it |
"""  # noqa: E501  (a table row is a line)

import threading
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from salesboost_tools.core.roles import ROLES

_ERROR_TYPES_KEPT = 64
_CALLS = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)
_REWARDS = (0, 0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5)
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class ToolMetrics:
    """The metrics of one registry. Children are bound once; recording is a dictionary look-up and an increment.

    Args:
        registry: Where the metrics are collected.
        roles: Roles that get a label of their own; others count as "other", callers without one as "none".
    """

    def __init__(self, registry: CollectorRegistry, roles: Iterable[str] = ROLES) -> None:
        self._roles = frozenset(roles)
        self._error_types: set[str] = set()
        calls = Counter(
            "salesboost_tool_calls_total", "Finished tool calls", ["tool", "status", "role"], registry=registry
        )
        call_s = Histogram(
            "salesboost_tool_call_duration_seconds",
            "Duration of a whole tool call, waits and retries included",
            ["tool"],
            buckets=_SECONDS,
            registry=registry,
        )
        attempt_s = Histogram(
            "salesboost_tool_attempt_duration_seconds",
            "Duration of one attempt of the tool itself",
            ["tool"],
            buckets=_SECONDS,
            registry=registry,
        )
        errors = Counter(
            "salesboost_tool_errors_total",
            "Failed tool calls by class of error",
            ["tool", "error_type"],
            registry=registry,
        )
        cache = Counter(
            "salesboost_tool_cache_operations_total",
            "Cache look-ups by result",
            ["tool", "operation"],
            registry=registry,
        )
        retries = Counter("salesboost_tool_retries_total", "Attempts after the first", ["tool"], registry=registry)
        limited = Counter(
            "salesboost_tool_rate_limited_total", "Attempts refused by the rate limit", ["tool"], registry=registry
        )
        approvals = Counter(
            "salesboost_tool_approvals_total", "Calls that need approval", ["tool", "outcome"], registry=registry
        )
        idempotency = Counter(
            "salesboost_tool_idempotency_total",
            "Writes that were not simply done under their key",
            ["tool", "outcome"],
            registry=registry,
        )
        circuits = Counter(
            "salesboost_tool_circuit_changes_total",
            "Changes of circuit breakers",
            ["tool", "state"],
            registry=registry,
        )
        open_circuits = Gauge(
            "salesboost_tool_open_circuits",
            "Circuit breakers of the tool that are open now",
            ["tool"],
            multiprocess_mode="livesum",
            registry=registry,
        )
        waits_s = Counter(
            "salesboost_tool_rate_limit_wait_seconds_total",
            "Seconds that calls waited for their turn under the rate limit",
            ["tool"],
            registry=registry,
        )
        state_failures = Counter(
            "salesboost_tool_state_failures_total",
            "Requests that a store did not answer",
            ["tool", "store"],
            registry=registry,
        )
        selections = Counter(
            "salesboost_tool_selections_total",
            "Choices among the tools of a group",
            ["group", "tool", "by"],
            registry=registry,
        )
        rewards = Histogram(
            "salesboost_tool_selection_rewards",
            "What outcomes of choices were worth",
            ["group", "tool"],
            buckets=_REWARDS,
            registry=registry,
        )
        guardrails = Counter(
            "salesboost_tool_guardrail_changes_total",
            "Changes of a group's guardrail",
            ["group", "state"],
            registry=registry,
        )
        engaged = Gauge(
            "salesboost_tool_guardrails_engaged",
            "Guardrails that hold the group back now",
            ["group"],
            multiprocess_mode="livesum",
            registry=registry,
        )
        fan_out_calls = Histogram(
            "salesboost_tool_fan_out_calls", "Calls of a message", ["node"], buckets=_CALLS, registry=registry
        )
        fan_out_running = Gauge(
            "salesboost_tool_fan_out_running",
            "Calls of nodes under way now",
            ["node"],
            multiprocess_mode="livesum",
            registry=registry,
        )
        fan_out_queue_s = Histogram(
            "salesboost_tool_fan_out_queue_seconds",
            "From a message's arrival to the start of a call",
            ["node"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._fan_out_calls = _bound(fan_out_calls)
        self._fan_out_running = _bound(fan_out_running)
        self._fan_out_queue_s = _bound(fan_out_queue_s)
        self._selections = _bound(selections)
        self._rewards = _bound(rewards)
        self._guardrails = _bound(guardrails)
        self._engaged = _bound(engaged)
        self._calls = _bound(calls)
        self._call_s = _bound(call_s)
        self._attempt_s = _bound(attempt_s)
        self._errors = _bound(errors)
        self._cache = _bound(cache)
        self._retries = _bound(retries)
        self._limited = _bound(limited)
        self._approvals = _bound(approvals)
        self._idempotency = _bound(idempotency)
        self._circuits = _bound(circuits)
        self._open_circuits = _bound(open_circuits)
        self._waits_s = _bound(waits_s)
        self._state_failures = _bound(state_failures)

    def call_ended(self, tool: str, status: str, role: str | None, duration_s: float) -> None:
        """Record a finished call."""
        self._calls(tool, status, self._role_label(role)).inc()
        self._call_s(tool).observe(duration_s)

    def attempt_ended(self, tool: str, duration_s: float) -> None:
        """Record one attempt."""
        self._attempt_s(tool).observe(duration_s)

    def call_failed(self, tool: str, error: BaseException) -> None:
        """Record the class of an error; classes beyond the first 64 count as "other"."""
        name = type(error).__name__
        if name not in self._error_types:
            if len(self._error_types) >= _ERROR_TYPES_KEPT:
                name = "other"
            self._error_types.add(name)
        self._errors(tool, name).inc()

    def cache_asked(self, tool: str, operation: str) -> None:
        """Record a look-up: hit, shared or miss."""
        self._cache(tool, operation).inc()

    def retried(self, tool: str) -> None:
        """Record an attempt after the first."""
        self._retries(tool).inc()

    def rate_limited(self, tool: str) -> None:
        """Record a refusal by the rate limit."""
        self._limited(tool).inc()

    def approval(self, tool: str, outcome: str) -> None:
        """Record what became of the question whether a call may be made: requested, approved or rejected."""
        self._approvals(tool, outcome).inc()

    def write_settled(self, tool: str, outcome: str) -> None:
        """Record a write that was not simply done under its key: replayed, unprotected or unrecorded."""
        self._idempotency(tool, outcome).inc()

    def circuit_changed(self, tool: str, state: str, now_open: int) -> None:
        """Record that a breaker opened or closed, and how many of the tool's breakers are open now."""
        self._circuits(tool, state).inc()
        self._open_circuits(tool).set(now_open)

    def waited(self, tool: str, wait_s: float) -> None:
        """Record that a call waited for its turn, in seconds."""
        self._waits_s(tool).inc(wait_s)

    def state_failed(self, tool: str, store: str) -> None:
        """Record that a store (cache, limits or records) did not answer."""
        self._state_failures(tool, store).inc()

    def selected(self, group: str, tool: str, by: str) -> None:
        """Record a choice among the tools of a group, by the policy or by nobody."""
        self._selections(group, tool, by).inc()

    def rewarded(self, group: str, tool: str, reward: float) -> None:
        """Record what an outcome was worth; below 0 as 0, since a histogram's sum may not fall."""
        self._rewards(group, tool).observe(max(reward, 0.0))

    def guardrail_changed(self, group: str, *, engaged: bool) -> None:
        """Record that a group's guardrail took over or let go again."""
        self._guardrails(group, "engaged" if engaged else "released").inc()
        self._engaged(group).set(int(engaged))

    def fan_out_began(self, node: str, calls: int) -> None:
        """Record a message with so many calls."""
        self._fan_out_calls(node).observe(calls)

    def fan_out_call_began(self, node: str, queued_s: float) -> None:
        """Record that a call began, and how many seconds after its message."""
        self._fan_out_running(node).inc()
        self._fan_out_queue_s(node).observe(queued_s)

    def fan_out_call_ended(self, node: str) -> None:
        """Record that a call is under way no more."""
        self._fan_out_running(node).dec()

    def _role_label(self, role: str | None) -> str:
        if role is None:
            return "none"
        return role if role in self._roles else "other"


def _bound(metric: Counter | Gauge | Histogram) -> Callable[..., Any]:
    children: dict[tuple[str, ...], Any] = {}

    def child(*labels: str) -> Any:
        found = children.get(labels)
        if found is None:
            found = children[labels] = metric.labels(*labels)
        return found

    return child


_by_registry: WeakKeyDictionary[CollectorRegistry, ToolMetrics] = WeakKeyDictionary()
_lock = threading.Lock()


def metrics_in(registry: CollectorRegistry | None = None) -> ToolMetrics:
    """Return the tool metrics of a registry, made on first use; a registry takes each metric but once.

    Args:
        registry: None for prometheus_client's default one.
    """
    registry = registry or REGISTRY
    with _lock:
        metrics = _by_registry.get(registry)
        if metrics is None:
            metrics = _by_registry[registry] = ToolMetrics(registry)
        return metrics
