"""Who looks on while tools are chosen: metrics, the log, whoever is told of the guardrail."""

import logging
from collections.abc import Callable
from typing import Protocol

from salesboost_tools.selection.decision_log import DecisionSink, record_of
from salesboost_tools.selection.decisions import Decision
from salesboost_tools.selection.guardrail import GuardrailWatch

_logger = logging.getLogger(__name__)


class SelectionMetrics(Protocol):
    """Counts choices and rewards."""

    def selected(self, group: str, tool: str, by: str) -> None:
        """Count a choice; by the policy, or by nobody: then the first available tool serves."""
        ...

    def rewarded(self, group: str, tool: str, reward: float) -> None:
        """Record what an outcome was worth."""
        ...


class Observers:
    """Tells those who look on. That one of them fails is counted and never harms a call.

    Args:
        metrics: Is told of every choice and reward; None tells nobody.
        log: Is given every answered decision; None logs nothing.
        watch: Tells of its changes by itself, if asked to; None for no guardrail.

    Attributes:
        failures: How often one of them failed.
    """

    def __init__(
        self, metrics: SelectionMetrics | None, log: DecisionSink | None, watch: GuardrailWatch | None
    ) -> None:
        self._metrics = metrics
        self._log = log
        self._watch = watch
        self.failures = 0

    def tell_choice(self, decision: Decision) -> None:
        """Tell of a choice."""
        by = "nobody" if decision.suggested != decision.chosen else "policy"
        self._tell(lambda metrics: metrics.selected(decision.group, decision.chosen, by))

    def tell_outcome(
        self,
        decision: Decision,
        success: bool,  # noqa: FBT001  (as in `ToolSelector.record_feedback`)
        latency_s: float,
        reward: float,
        *,
        quality: float | None,
        cost: float | None,
    ) -> None:
        """Tell what came of a decision."""
        self._tell(
            lambda metrics: metrics.rewarded(decision.group, decision.chosen, reward),
            lambda log: log.write(record_of(decision, success, latency_s, reward, quality=quality, cost=cost)),
        )

    def _tell(
        self, tell_metrics: Callable[[SelectionMetrics], None], tell_log: Callable[[DecisionSink], None] | None = None
    ) -> None:
        try:
            if self._metrics is not None:
                tell_metrics(self._metrics)
            if self._watch is not None:
                self._watch.tell_changes()
            if self._log is not None and tell_log is not None:
                tell_log(self._log)
        except Exception:  # (an observer's sink)
            self.failures += 1
            _logger.warning("a choice was not recorded", exc_info=True)
