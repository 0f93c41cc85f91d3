"""Whether an arm that used to work is out of order: a belief that falls with failures and returns with time.

Two states, healthy and ill. An arm falls ill with a small hazard per use. Outcomes are weighed by Bayes' rule: the
success rate known from healthy days against the rate of this very illness, which is learnt while it lasts, so a
brown-out (every second call fails) is noticed as well as an outage. How long illnesses last nobody knows, so the
belief in one fades at a rate that falls with its age (Jeffreys' scale-free prior, a hazard of `EXPONENT / age`):
an arm is probed soon after it failed, more and more rarely later, and never for the last time. How much of the fading
is acted upon depends on what a probe costs and what it may gain (`hope`).
"""

from typing import Final

HAZARD: Final = 1 / 2000
"""Probability of falling ill, per use."""

EXPONENT: Final = 0.2
"""How fast the belief in an illness fades: by this share per doubling of its age, roughly."""

AGE_OFFSET_S: Final = 20.0
"""Seconds added to the age of an illness: how long nothing is expected to change after the first failures."""

ILL_SUCCESSES: Final = 0.2
ILL_FAILURES: Final = 0.8
"""What is believed of an ill arm's success rate before it is seen ill: Beta(0.2, 0.8)."""

CERTAIN: Final = 1e-3
"""Doubt below this is none: the arm is taken for healthy without further arithmetic."""

KNOWN_FROM: Final = 10.0
"""Outcomes needed before an arm can fall ill: one that never worked well is merely bad."""

FAILURE_EXPECTED_BELOW: Final = 0.25
"""Healthy success rate below which failures say nothing about health."""

_EAGERNESS: Final = 4.0
"""An arm that gains a quarter of what a probe costs, or more, is asked as often as it is believed to be well."""

_LEAST_GAIN: Final = 0.02
"""An arm that is no better than others is probed as if it were by so much: they may be ill one day."""


def faded(doubt: float, age_s: float, waited_s: float) -> float:
    """Return the doubt after nothing was heard for a while: `d · ((age + c) / (age + waited + c)) ** EXPONENT`.

    Args:
        doubt: Probability that the arm was ill at its latest outcome, in [0, 1].
        age_s: Seconds the illness had lasted then, 0 or more.
        waited_s: Seconds since, 0 or more.
    """
    start_s = age_s + AGE_OFFSET_S
    return doubt * (start_s / (start_s + waited_s)) ** EXPONENT


def hope(gain: float, cost: float) -> float:
    """Return how much of what a doubt has faded by is to be acted upon, in (0, 1].

    Probes cost as long as an arm is ill; once it is well again, every call costs until one finds that out. The sum is
    least if the time between two probes goes with the square root of `cost / gain` times the age of the illness. To ask
    an arm as often as it is believed to be well sees to its age, this to the rest.

    Args:
        gain: Reward of the healthy arm minus what the best of the others earns.
        cost: What that one earns minus the reward of the ill arm.
    """
    return 1.0 if cost <= 0 else min(1.0, _EAGERNESS * max(gain, _LEAST_GAIN) / cost)


def judged(doubt: float, healthy_rate: float, ill_rate: float, successes: float, failures: float) -> float:
    """Return the doubt after some outcomes, by Bayes' rule.

    Args:
        doubt: Probability, in [0, 1], that the arm is ill.
        healthy_rate: Success rate of a healthy arm, in (0, 1).
        ill_rate: The same of an ill one.
        successes: How many outcomes were successes, 0 or more.
        failures: How many were not.
    """
    healthy, ill = 1.0 - doubt, doubt
    if successes:
        healthy *= healthy_rate**successes
        ill *= ill_rate**successes
    if failures:
        healthy *= (1.0 - healthy_rate) ** failures
        ill *= (1.0 - ill_rate) ** failures
    total = healthy + ill
    return ill / total if total > 0 else doubt
