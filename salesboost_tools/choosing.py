"""The selector as the settings want it: policy, bounds, A/B test, guardrail, log, and who is told."""

from collections.abc import Callable
from datetime import UTC, datetime

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.observe.metrics import ToolMetrics
from salesboost_tools.observe.status import StatusEvent, StatusFeed
from salesboost_tools.selection.bounded import Bounded
from salesboost_tools.selection.decision_log import JsonlLog
from salesboost_tools.selection.guardrail import Guardrail, GuardrailEvent
from salesboost_tools.selection.named_policies import policy_named
from salesboost_tools.selection.policy import Policy
from salesboost_tools.selection.selector import ToolSelector
from salesboost_tools.selection.split import Split
from salesboost_tools.settings import Settings
from salesboost_tools.state import State


def selector_of(
    settings: Settings,
    *,
    state: State | None = None,
    metrics: ToolMetrics | None = None,
    feed: StatusFeed | None = None,
) -> ToolSelector:
    """Return what chooses among equal tools; without `bandit_enabled` it only looks on.

    Args:
        settings: The `bandit_` ones.
        state: What workers learn together in; None for this process's memory.
        metrics: Count choices, rewards and the guardrail's changes; None: nobody does.
        feed: Is told of the guardrail's changes; None: nobody is.

    Raises:
        ConfigurationError: A setting names a file that cannot be written, or bounds that contradict each other.
    """
    return ToolSelector(
        policy_of(settings),
        state=state,
        mode="active" if settings.bandit_enabled else "shadow",
        weights=RewardWeights(quality=settings.bandit_quality),
        guardrail=_guardrail(settings, _tellers(metrics, feed)),
        log=_log(settings),
        metrics=metrics,
    )


def policy_of(settings: Settings) -> Policy:
    """Return the policy, its A/B test and its bounds included.

    Raises:
        ConfigurationError: The bounds contradict each other.
    """
    policy = policy_named(settings.bandit_policy, epsilon=settings.bandit_epsilon)
    if settings.bandit_ab_policy is not None:
        second = policy_named(settings.bandit_ab_policy, epsilon=settings.bandit_epsilon)
        policy = Split(policy, second, settings.bandit_ab_share)
    least, most, exploration = settings.bandit_least, settings.bandit_most, settings.bandit_max_exploration
    if not (least or most or exploration < 1):
        return policy
    try:
        return Bounded(policy, least=least, most=most, most_exploration=exploration)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"settings cannot be used: TOOL_BANDIT_LEAST, TOOL_BANDIT_MOST, TOOL_BANDIT_MAX_EXPLORATION: {error}"
        ) from None


def _guardrail(settings: Settings, tellers: list[Callable[[GuardrailEvent], None]]) -> Guardrail | None:
    if settings.bandit_guardrail is None:
        return None

    def tell(event: GuardrailEvent) -> None:
        for teller in tellers:
            teller(event)

    return Guardrail(
        settings.bandit_guardrail,
        window=settings.bandit_guardrail_window,
        hold_s=settings.bandit_guardrail_hold,
        on_change=tell,
    )


def _tellers(metrics: ToolMetrics | None, feed: StatusFeed | None) -> list[Callable[[GuardrailEvent], None]]:
    tellers: list[Callable[[GuardrailEvent], None]] = []
    if metrics is not None:
        tellers.append(lambda event: metrics.guardrail_changed(event.group, engaged=event.engaged))
    if feed is not None:
        tellers.append(lambda event: feed.publish(_status_of(event)))
    return tellers


def _status_of(event: GuardrailEvent) -> StatusEvent:
    return StatusEvent(
        kind="guardrail_engaged" if event.engaged else "guardrail_released",
        tool=event.group,
        at=datetime.now(UTC),
        details={"success_rate": round(event.success_rate, 4)},
    )


def _log(settings: Settings) -> JsonlLog | None:
    if settings.bandit_log is None:
        return None
    try:
        return JsonlLog(settings.bandit_log, max_bytes=settings.bandit_log_max_bytes)
    except ConfigurationError as error:
        raise ConfigurationError(f"settings cannot be used: TOOL_BANDIT_LOG: {error}") from error
