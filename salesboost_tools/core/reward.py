"""What one outcome is worth: the reward that selection maximises."""

import math
from dataclasses import dataclass, field

from salesboost_tools.core.errors import ConfigurationError

RULE_VERSION = 1
"""Changes with the formula; the weights have their place beside it in `RewardWeights.version`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardWeights:
    """How much speed, quality and money count beside success, which counts 1.

    An additive reward can let a fast, poor tool win over a slow, good one ("additive-reward collapse", arXiv
    2605.14241). With the default weights the slowest success, worth 0.5, still beats the fastest failure, worth 0;
    latency weights above 1 give that up. `half_worth_s` cannot collapse: speed then multiplies success, so what fails
    is worth nothing however fast it fails.

    Args:
        latency: Reward lost by a call that takes `latency_cap_s` or longer; in proportion below. 0 or more.
        latency_cap_s: Seconds above which slow is slow, above 0.
        quality: Reward gained by a success of quality 1; in proportion below. 0 or more.
        cost: Reward lost per unit of cost, in whatever unit the cost is reported. 0 or more.
        half_worth_s: τ0: a success that takes so long is worth half, `τ0 / (τ0 + latency)`, latency up to the cap.
            Replaces `latency`, which is then without effect. Above 0; None for the additive penalty.

    Raises:
        ConfigurationError: A weight is negative or not finite, or the cap or `half_worth_s` is not above 0.
    """

    latency: float = 0.5
    latency_cap_s: float = 5.0
    quality: float = 0.0
    cost: float = 0.0
    half_worth_s: float | None = None
    version: str = field(init=False, repr=False, compare=False)
    """Names the rule and its weights, equal exactly for equal shaping: for logs of decisions."""

    def __post_init__(self) -> None:
        if self.half_worth_s is not None and not 0 < self.half_worth_s < math.inf:
            raise ConfigurationError(f"`half_worth_s` is seconds, above 0, or None; got {self.half_worth_s!r}")
        for name in ("latency", "latency_cap_s", "quality", "cost"):
            value = getattr(self, name)
            if not 0 <= value < math.inf or (name == "latency_cap_s" and value == 0):
                allowed = "seconds, above 0" if name == "latency_cap_s" else "a finite number, 0 or more"
                raise ConfigurationError(f"the reward weight `{name}` is {allowed}; got {value!r}")
        speed = f"latency={self.latency!r}/{self.latency_cap_s!r}s"
        if self.half_worth_s is not None:
            speed = f"half_worth={self.half_worth_s!r}s/{self.latency_cap_s!r}s"
        version = f"{RULE_VERSION};{speed};quality={self.quality!r};cost={self.cost!r}"
        object.__setattr__(self, "version", version)  # put together once: logs want it with every decision

    @property
    def penalty(self) -> float:
        """What the slowest call loses: `latency`, or nothing if speed multiplies."""
        return self.latency if self.half_worth_s is None else 0.0

    def speed(self, slow: float) -> float:
        """Return what speed multiplies a success by, in (0, 1]: 1 for the additive penalty.

        Args:
            slow: Latency as a share of the cap, in [0, 1].
        """
        if self.half_worth_s is None:
            return 1.0
        return self.half_worth_s / (self.half_worth_s + slow * self.latency_cap_s)


DEFAULT_WEIGHTS = RewardWeights()


def reward(
    success: bool,  # noqa: FBT001  (the first word of every outcome, never passed as a bare literal option)
    latency_s: float,
    weights: RewardWeights = DEFAULT_WEIGHTS,
    *,
    quality: float | None = None,
    cost: float | None = None,
) -> float:
    """Return what one outcome is worth.

    `success · (1 + w_q · quality) - w_l · min(latency / cap, 1) - w_c · cost`, or with `half_worth_s` (τ0)
    `success · (1 + w_q · quality) · τ0 / (τ0 + min(latency, cap)) - w_c · cost`. The first and the third term of the
    former are the usual shaping for tool routing, success minus a capped latency penalty; a failed call has no quality.

    Args:
        success: Whether the call did its job.
        latency_s: Seconds the call took, retries included; 0 or more.
        weights: How much each part counts.
        quality: How good the answer was, in [0, 1]; None if nobody said, and then the term is left out.
        cost: What the call cost, 0 or more; None if unknown, and then the term is left out.

    Returns:
        The reward, in [-w_l, 1 + w_q] when no cost is given; unbounded below otherwise.
    """
    value = 1.0 if success else 0.0
    if quality is not None:
        value *= 1.0 + weights.quality * quality
    cap_s = weights.latency_cap_s
    slow = latency_s / cap_s if latency_s < cap_s else 1.0
    if weights.half_worth_s is None:
        value -= weights.latency * slow
    else:
        value *= weights.speed(slow)
    if cost is not None:
        value -= weights.cost * cost
    return value
