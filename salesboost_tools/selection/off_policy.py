"""What another policy would have earned on logged decisions: IPS, SNIPS and DR, with intervals. Needs numpy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from salesboost_tools.core.errors import ConfigurationError, SalesToolsError

Vector = NDArray[np.float64]

_Z95 = 1.959963984540054
_DRAWN_AT_ONCE = 2_000_000
"""Numbers held at once while resampling: some 30 MB, however long the log."""


class TooLittleOverlapError(SalesToolsError):
    """The log says too little about what the other policy would have done: an answer would be a guess.

    Attributes:
        effective_sample_size: How many decisions of the other policy's own the log is worth.
    """

    def __init__(self, message: str, effective_sample_size: float) -> None:
        super().__init__(message)
        self.effective_sample_size = effective_sample_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Logged decisions as numbers; n of them, at most K arms each.

    Args:
        rewards: What each earned, `(n,)`.
        propensities: With which probability the arm was chosen, in (0, 1], `(n,)`.
        chosen: Which arm it was, `(n,)`, positions in 0..K-1.
        target: With which probability the other policy chooses each arm there, `(n, K)`; rows sum to 1.
        model: What a model says each arm would have earned there, `(n, K)`; not fitted to the same decision. None if
            there is none, and then there is no DR.
        logged: With which probability each arm was chosen, `(n, K)`; None if only that of the chosen one is known.
            With it, overlap is judged by what could have been logged, not by the luck of what was.

    Raises:
        ConfigurationError: The shapes or numbers do not fit.
    """

    rewards: Vector
    propensities: Vector
    chosen: NDArray[np.intp]
    target: Vector
    model: Vector | None = None
    logged: Vector | None = None

    def __post_init__(self) -> None:
        count = len(self.rewards)
        if count < 2 or not len(self.propensities) == len(self.chosen) == len(self.target) == count:
            raise ConfigurationError(
                "evidence needs as many propensities, choices and target rows as rewards, 2 or more"
            )
        if not bool(np.all((self.propensities > 0) & (self.propensities <= 1))):
            raise ConfigurationError("propensities are probabilities in (0, 1]; leave out decisions no policy made")
        if not np.allclose(self.target.sum(axis=1), 1, atol=1e-6) or bool(np.any(self.target < 0)):
            raise ConfigurationError("the target's probabilities are 0 or more and sum to 1 in every row")
        if self.model is not None and self.model.shape != self.target.shape:
            raise ConfigurationError(
                f"the model has the shape of the target, {self.target.shape}; got {self.model.shape}"
            )

        if self.logged is not None and self.logged.shape != self.target.shape:
            raise ConfigurationError(
                f"`logged` has the shape of the target, {self.target.shape}; got {self.logged.shape}"
            )

    @property
    def expected_squares(self) -> Vector | None:
        """What each squared weight is on average over the arms that might have been chosen, `(n, K)`; None if unknown.

        The sum over a row is infinite where the target chooses what was never chosen.
        """
        if self.logged is None:
            return None
        possible = np.where(self.target > 0, self.target, 0.0)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return np.where(possible > 0, possible * possible / self.logged, 0.0)

    @property
    def weights(self) -> Vector:
        """How much likelier the target makes each logged choice, `(n,)`."""
        return self.target[np.arange(len(self.chosen)), self.chosen] / self.propensities


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean reward per decision."""

    value: float
    low: float
    """Lower end of the interval that holds the truth 95 times in 100."""
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What the target policy would have earned per decision."""

    decisions: int
    effective_sample_size: float
    """How many decisions of the target's own the log is worth: (Σ w)² / Σ w² (Kong, "A Note on Importance Sampling
    Using Standardized Weights", 1992), or what was to be expected of it if that is less."""
    logged: float
    """What the logged policy earned per decision."""
    ips: Estimate
    snips: Estimate
    dr: Estimate | None
    """None if there was no model."""


def evaluate(evidence: Evidence, *, seed: int = 0, resamples: int = 1000, least_effective: float = 50.0) -> Evaluation:
    """Return what the target policy would have earned.

    Intervals are bootstrapped: studentised for DR, whose errors are nearly symmetric but which adaptive logs make
    uneven, and never narrower than the logged probabilities allow; percentiles for the others. Decisions are resampled
    one by one. The three estimators are unbiased (SNIPS: consistent) if the logged propensities are exact, even though
    the logging policy learnt from its own choices.

    Args:
        evidence: The log and the target.
        seed: Of the resampling.
        resamples: How often.
        least_effective: Effective sample size below which nothing is said.

    Raises:
        TooLittleOverlapError: The target chooses what the log hardly holds.
    """
    weights = evidence.weights
    effective = effective_sample_size(weights)
    count = len(weights)
    squares = evidence.expected_squares
    if squares is not None:
        effective = min(effective, count / float(squares.sum(axis=1).mean()))
    if effective < least_effective:
        raise TooLittleOverlapError(
            f"{count} decisions are worth only {effective:.0f} of the target's own; at least {least_effective:.0f} are "
            "needed. Log longer, explore more (a floor for every tool), or ask about a policy nearer to the logged.",
            effective,
        )
    columns = [weights * evidence.rewards, weights]
    terms = None if evidence.model is None else dr_terms(evidence)
    if terms is not None:
        columns += [terms, terms * terms]
    means = _means_of_resamples(np.column_stack(columns), seed, resamples)
    ips_means, weight_means = means[:, 0], means[:, 1]
    return Evaluation(
        decisions=count,
        effective_sample_size=effective,
        logged=float(evidence.rewards.mean()),
        ips=_between(ips(evidence), ips_means),
        snips=_between(snips(evidence), ips_means / np.maximum(weight_means, 1e-300)),
        dr=None if terms is None else _studentised(terms, means[:, 2], means[:, 3], _least_error(evidence)),
    )


def ips(evidence: Evidence) -> float:
    """Return `mean(w r)`: inverse propensity scoring, unbiased.

    Source: Horvitz & Thompson, "A Generalization of Sampling Without Replacement From a Finite Universe" (1952);
    Precup, Sutton & Singh, "Eligibility Traces for Off-Policy Policy Evaluation", ICML (2000).
    """
    return float((evidence.weights * evidence.rewards).mean())


def snips(evidence: Evidence) -> float:
    """Return `mean(w r) / mean(w)`: self-normalised, a little biased and far steadier.

    Source: Swaminathan & Joachims, "The Self-Normalized Estimator for Counterfactual Learning", NIPS 28 (2015).
    """
    return float((evidence.weights * evidence.rewards).mean() / evidence.weights.mean())


def dr(evidence: Evidence) -> float:
    """Return the mean of `Σ_a π(a) q(a) + w (r - q(chosen))`: right if the propensities or the model are.

    Source: Dudík, Erhan, Langford & Li, "Doubly Robust Policy Evaluation and Optimization", Statistical Science 29
    (2014).
    """
    return float(dr_terms(evidence).mean())


def dr_terms(evidence: Evidence) -> Vector:
    """Return what each decision adds to the doubly robust estimate, `(n,)`.

    Raises:
        ConfigurationError: There is no model.
    """
    model = evidence.model
    if model is None:
        raise ConfigurationError("the doubly robust estimate needs a model of the reward")
    foretold = model[np.arange(len(evidence.chosen)), evidence.chosen]
    return (evidence.target * model).sum(axis=1) + evidence.weights * (evidence.rewards - foretold)


def effective_sample_size(weights: Vector) -> float:
    """Return (Σ w)² / Σ w², in [0, n]."""
    squares = float((weights * weights).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


def mean_of(rewards: Vector, *, seed: int = 0, resamples: int = 1000) -> Estimate:
    """Return the mean of rewards, `(n,)`, with the bootstrap's percentile interval."""
    return _between(float(rewards.mean()), _resampled_means(rewards, seed, resamples))


def difference_of_means(these: Vector, those: Vector, *, seed: int = 0, resamples: int = 1000) -> Estimate:
    """Return by how much the mean of these rewards exceeds the mean of those, with the bootstrap's interval."""
    means = _resampled_means(these, seed, resamples) - _resampled_means(those, seed + 1, resamples)
    return _between(float(these.mean() - those.mean()), means)


def _resampled_means(rewards: Vector, seed: int, resamples: int) -> Vector:
    rng = np.random.default_rng(seed)
    return np.array([rewards[rng.integers(0, len(rewards), len(rewards))].mean() for _ in range(resamples)])


def _between(value: float, means: Vector) -> Estimate:
    low, high = np.quantile(means, [0.025, 0.975]).tolist()
    return Estimate(value, low, high)


def _means_of_resamples(columns: Vector, seed: int, resamples: int) -> Vector:
    """Return the means of the columns, `(n, k)`, over each of as many resamples of the rows, `(resamples, k)`."""
    rng, count = np.random.default_rng(seed), len(columns)
    uniform = np.full(count, 1 / count)
    block = max(1, _DRAWN_AT_ONCE // count)
    sizes = [min(block, resamples - start) for start in range(0, resamples, block)]
    return np.concatenate([rng.multinomial(count, uniform, size=size) @ columns / count for size in sizes])


def _studentised(terms: Vector, means: Vector, squares: Vector, least_error: float) -> Estimate:
    """Return the bootstrap-t interval (Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, section 12.5)."""
    count = len(terms)
    value, error = float(terms.mean()), float(terms.std(ddof=1)) / count**0.5
    spreads = np.sqrt(np.maximum(squares - means * means, 1e-300) / count)
    places = np.sort(np.abs(means - value) / spreads)
    reach = max(max(float(np.quantile(places, 0.95)), _Z95) * error, _Z95 * least_error)
    return Estimate(value, value - reach, value + reach)


def _least_error(evidence: Evidence) -> float:
    """Return the standard error of DR that follows from the logged probabilities, whatever happened to be chosen.

    A log in which a rare, heavy decision happens to be missing looks surer than it is; this does not depend on it.
    """
    squares, model, chosen = evidence.expected_squares, evidence.model, evidence.chosen
    if squares is None or model is None:
        return 0.0
    count, arms = model.shape
    misses = (evidence.rewards - model[np.arange(count), chosen]) ** 2
    noise = float(misses.mean())
    by_arm = np.array([(misses[chosen == arm].sum() + noise) / ((chosen == arm).sum() + 1) for arm in range(arms)])
    spread = float((evidence.target * model).sum(axis=1).var())
    return float(np.sqrt(((squares * by_arm).sum() / count + spread) / count))


def rows_of(rows: Sequence[Sequence[float]], width: int) -> Vector:
    """Return rows of different lengths as one table, `(n, width)`, filled up with zeros."""
    table = np.zeros((len(rows), width))
    for number, row in enumerate(rows):
        table[number, : len(row)] = row
    return table
