"""What is believed of tools before they are tried, as if it had been seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.selection.arms import ArmRecord, ArmStore, Note
from salesboost_tools.selection.statistics import NOTHING, ArmStatistics, statistics_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """Imagined outcomes of a tool.

    Args:
        successes: How many succeeded, 0 or more.
        failures: How many failed, 0 or more. Together they say how firmly the prior is held.
        latency_s: Seconds each took, 0 or more.

    Raises:
        ConfigurationError: A number is negative.
    """

    successes: int
    failures: int
    latency_s: float = 0.5

    def __post_init__(self) -> None:
        if self.successes < 0 or self.failures < 0 or self.latency_s < 0:
            raise ConfigurationError(f"a prior's counts and latency are 0 or more; got {self!r}")

    def statistics(self, cap_s: float) -> ArmStatistics:
        """Return the statistics these outcomes would have left."""
        one = statistics_of(success=True, latency_s=self.latency_s, cap_s=cap_s)
        count = self.successes + self.failures
        return ArmStatistics(
            count, self.successes, count * one.latency_s, count * one.slowness, count * one.slowness_sq
        )


class ArmsWithPriors:
    """An `ArmStore` that adds priors to what it reads from another one. What is stored stays free of them.

    Args:
        store: Where outcomes are kept.
        priors: By tool name, in whatever group.
        cap_s: `RewardWeights.latency_cap_s`.
    """

    def __init__(self, store: ArmStore, priors: Mapping[str, Prior], cap_s: float) -> None:
        self._store = store
        self._priors = {arm: prior.statistics(cap_s) for arm, prior in priors.items()}
        self._sums: dict[tuple[str, str], tuple[ArmStatistics, ArmStatistics]] = {}  # (stored, with the prior)

    def read(self, group: str, arms: Sequence[str]) -> tuple[ArmStatistics, ...]:
        """Return what is known of each of `arms`, its prior included."""
        return tuple(
            [
                self._with_prior(group, arm, known)
                for arm, known in zip(arms, self._store.read(group, arms), strict=True)
            ]
        )

    def add(
        self,
        group: str,
        arm: str,
        outcome: ArmStatistics,
        *,
        used_at_s: float,
        error: str | None = None,
        heard_at_s: float | None = None,
        context: Mapping[str, Any] | None = None,
        note: Note | None = None,
    ) -> ArmStatistics:
        """Add the statistics of an outcome; return what is known of the arm then, its prior included."""
        known = self._store.add(
            group, arm, outcome, used_at_s=used_at_s, error=error, heard_at_s=heard_at_s, context=context, note=note
        )
        return self._with_prior(group, arm, known)

    def records(self) -> Mapping[str, Mapping[str, ArmRecord]]:
        """Return what really happened."""
        return self._store.records()

    def _with_prior(self, group: str, arm: str, known: ArmStatistics) -> ArmStatistics:
        """Return the sum, the same object for the same statistics."""
        prior = self._priors.get(arm)
        if prior is None:
            return known
        before = self._sums.get((group, arm))
        if before is not None and before[0] is known:
            return before[1]
        total = prior if known is NOTHING else prior.plus(known)
        self._sums[group, arm] = (known, total)
        return total
