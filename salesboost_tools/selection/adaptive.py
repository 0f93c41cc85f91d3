"""The default: Thompson sampling that notices outages, forgets slowly and looks at the context where that helps."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from statistics import NormalDist
from typing import Any

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.cold_start import chances_in_turn, choose_in_turn
from salesboost_tools.selection.dumped import reading
from salesboost_tools.selection.health import CERTAIN
from salesboost_tools.selection.policy import Choice, Lesson, Situation, draw
from salesboost_tools.selection.track import ArmTrack

_TAIL_FROM = 2.0
_TAIL = 1 - NormalDist().cdf(_TAIL_FROM)
_inverse_normal = NormalDist().inv_cdf

_DUMP = "adaptive/1"

LOOKED = "context"
"""Note on a choice that was made for its context."""


class AdaptiveMemory:
    """What one process has made of one group's outcomes: a track per arm, and a model of the context.

    Everything in it follows from the totals in the store and from the outcomes of this process, so losing it loses
    little: a new one starts from the totals, with every arm healthy and the context unproven.
    """

    __slots__ = ("_lined_up", "_looks", "_model", "_sharpness", "_weights", "favourite", "heard", "tracks")

    def __init__(self, weights: RewardWeights, sharpness: float, *, looks: bool) -> None:
        self._weights = weights
        self._sharpness = sharpness
        self._looks = looks
        self._model: Any = None
        self._lined_up: tuple[Sequence[str], list[ArmTrack]] = ((), [])
        self.tracks: dict[str, ArmTrack] = {}
        """By name; of arms with outcomes only."""
        self.heard = False
        """Whether any outcome is known."""
        self.favourite = 0
        """Position of the latest choice: drawn for first, since it is likely to win again."""

    @property
    def trust(self) -> float:
        """How likely a choice is to look at its context, in [0, 1]."""
        return self._model.trust if self._model is not None else 0.0

    def line_up(self, situation: Situation) -> list[ArmTrack]:
        """Return the tracks of the situation's arms, up to date with the totals."""
        arms = situation.arms
        if self._lined_up[0] is not arms:
            tracks = [self.tracks.get(arm) or ArmTrack(self._weights, self._sharpness) for arm in arms]
            self._lined_up = (arms, tracks)
            if self.favourite >= len(arms):
                self.favourite = 0
        else:
            tracks = self._lined_up[1]
        for track, known in zip(tracks, situation.statistics, strict=True):
            if track.totals is not known and track.totals != known:
                self._catch_up(arms, tracks, situation)
                break
        return tracks

    def outlook(self, situation: Situation) -> tuple[list[float], list[float]]:
        """Return mean and deviation of the reward to expect of each arm in the situation's context."""
        return self._model.outlook(situation.arms, situation.context)

    def learn(self, lesson: Lesson) -> None:
        """Learn from an outcome of this process."""
        track = self._track(lesson.arm)
        doubt = track.follow(lesson.known, lesson.now_s)
        self.heard = True
        if self._looks and lesson.context and doubt < 0.5:
            if self._model is None:
                from salesboost_tools.selection.context_model import ContextModel  # noqa: PLC0415  (numpy)

                self._model = ContextModel(len(lesson.context))
            self._model.learn(
                lesson.arm, lesson.context, lesson.reward, share=1.0 - doubt, looked=lesson.note == LOOKED
            )

    def dump(self) -> dict[str, Any]:
        """Return everything learnt, as `json.dumps` takes it."""
        return {
            "kind": _DUMP,
            "weights": self._weights.version,
            "heard": self.heard,
            "favourite": self.favourite,
            "tracks": {arm: track.dump() for arm, track in self.tracks.items()},
            "model": None if self._model is None else self._model.dump(),
        }

    def load(self, dumped: Mapping[str, Any]) -> None:
        """Become what `dump` was taken of."""
        with reading(dumped, _DUMP, self._weights):
            tracks: dict[str, ArmTrack] = {}
            for arm, learnt in dumped["tracks"].items():
                track = tracks[str(arm)] = ArmTrack(self._weights, self._sharpness)
                track.load(learnt)
            model = None
            if self._looks and dumped["model"] is not None:
                from salesboost_tools.selection.context_model import ContextModel  # noqa: PLC0415  (numpy)

                model = ContextModel.loaded(dumped["model"])
            self.heard, self.favourite = bool(dumped["heard"]), int(dumped["favourite"])
            self.tracks, self._model = tracks, model
            self._lined_up = ((), [])

    def _track(self, arm: str) -> ArmTrack:
        track = self.tracks.get(arm)
        if track is None:
            track = self.tracks[arm] = ArmTrack(self._weights, self._sharpness)
            self._lined_up = ((), [])
        return track

    def _catch_up(self, arms: Sequence[str], tracks: list[ArmTrack], situation: Situation) -> None:
        for position, known in enumerate(situation.statistics):
            if tracks[position].totals != known:
                track = self.tracks[arms[position]] = tracks[position]
                track.follow(known, situation.now_s)
                self.heard = self.heard or known.pulls > 0


@dataclass(frozen=True, slots=True)
class Adaptive:
    """Draws a plausible mean reward for each arm and chooses the arm whose draw is highest, as `Thompson` does.

    Besides:

    - An arm that used to work and fails now is believed to be ill, is left within a handful of calls and probed again,
      at first soon, then more and more rarely (`health`). What was known of it stays known.
    - At most about 1,000 outcomes are remembered of an arm, so that slow changes are followed.
    - Contexts are looked at as far as they have proved to foretell rewards (`gate`). Then the choice falls on the
      highest bound of a linear model, `mean + z · width` with one random z ≥ 0 for all arms.
    - Before any outcome is known, the arms are asked in turn.

    It learns in a memory of its own beside the shared totals. Outcomes of other workers reach it through the totals.
    Propensities are integrated to about 1e-3; ask for them before anything else is learnt.

    Source: Thompson, "On the Likelihood that One Unknown Probability Exceeds Another", Biometrika 25 (1933); Mellor &
    Shapiro, "Thompson Sampling in Switching Environments with Bayesian Online Change Detection", AISTATS (2013);
    Vaswani, Mehrabian, Durand & Kveton, "Old Dog Learns New Tricks: Randomized UCB for Bandit Problems", AISTATS
    (2020).

    Args:
        sharpness: How many times each observation counts, above 0; 1 is Bayes' rule, more explores less.
        context: Whether contexts are looked at, ever.

    Raises:
        ConfigurationError: `sharpness` is out of range.
    """

    sharpness: float = 3.0
    context: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.sharpness < math.inf:
            raise ConfigurationError(f"sharpness is a finite number above 0; got {self.sharpness!r}")

    @property
    def name(self) -> str:
        """`adaptive`."""
        return "adaptive"

    @property
    def version(self) -> str:
        """The rule's version and its arguments."""
        return f"1;sharpness={self.sharpness!r};context={self.context!r}"

    def new_memory(self, weights: RewardWeights) -> AdaptiveMemory:
        """Return an empty memory for one group."""
        return AdaptiveMemory(weights, self.sharpness, looks=self.context)

    def choose(self, situation: Situation, rng: Random) -> Choice:
        """Return the arm with the highest draw."""
        if len(situation.arms) == 1:
            return Choice(0, 1.0)
        memory = self._memory(situation)
        tracks = memory.line_up(situation)
        if not memory.heard:
            return choose_in_turn(situation.pending, rng)
        if situation.context and rng.random() < memory.trust:
            position = _highest_bound(tracks, memory.outlook(situation), situation.now_s, rng)
            return Choice(position, None, LOOKED)
        position = memory.favourite = _highest_draw(tracks, memory.favourite, situation.now_s, rng)
        return Choice(position, None)

    def propensities(self, situation: Situation) -> tuple[float, ...]:
        """Return the probability of every arm, to about 1e-3, given what the memory holds now."""
        plain, informed, trust = self._ways(situation)
        if informed is None:
            return tuple(plain)
        return tuple([trust * one + (1 - trust) * other for one, other in zip(informed, plain, strict=True)])

    def choose_for_log(self, situation: Situation, rng: Random) -> tuple[Choice, tuple[float, ...]]:
        """Return a choice drawn from the propensities, and these."""
        plain, informed, trust = self._ways(situation)
        if informed is None:
            return draw(plain, rng), tuple(plain)
        looks = rng.random() < trust
        position = draw(informed if looks else plain, rng).position
        both = tuple([trust * one + (1 - trust) * other for one, other in zip(informed, plain, strict=True)])
        return Choice(position, both[position], LOOKED if looks else None), both

    def _ways(self, situation: Situation) -> tuple[Sequence[float], Sequence[float] | None, float]:
        """Return the probabilities of the arms without the context, with it if it is looked at, and how often it is."""
        if len(situation.arms) == 1:
            return (1.0,), None, 0.0
        memory = self._memory(situation)
        tracks = memory.line_up(situation)
        if not memory.heard:
            return chances_in_turn(situation.pending), None, 0.0
        from salesboost_tools.selection.rivals import Prospect, bound_chances, chances  # noqa: PLC0415  (numpy)

        now_s = situation.now_s
        prospects = [
            Prospect(
                track.mean,
                track.deviation,
                track.doubt_at(now_s) if track.doubt > CERTAIN else 0.0,
                track.ill_mean,
                track.ill_deviation,
            )
            for track in tracks
        ]
        plain = chances(prospects)
        trust = memory.trust if situation.context else 0.0
        informed = bound_chances(prospects, *memory.outlook(situation)) if trust else None
        return plain, informed, trust

    def _memory(self, situation: Situation) -> AdaptiveMemory:
        return situation.memory if situation.memory is not None else self.new_memory(situation.weights)


def _highest_draw(tracks: list[ArmTrack], favourite: int, now_s: float, rng: Random) -> int:
    """Return the position of the highest draw.

    A draw that would have to lie more than two deviations above its mean to win is made only with the probability of
    lying there, and then from that tail: the same distribution for an eighth of the time.
    """
    gauss, uniform = rng.gauss, rng.random
    best, best_position = -math.inf, favourite
    order = range(len(tracks))
    if favourite:
        order = [favourite, *range(favourite), *range(favourite + 1, len(tracks))]
    for position in order:
        track = tracks[position]
        if track.doubt > CERTAIN and uniform() < track.doubt_at(now_s):
            mean, deviation = track.ill_mean, track.ill_deviation
        else:
            mean, deviation = track.mean, track.deviation
        if best > mean + _TAIL_FROM * deviation:
            if uniform() >= _TAIL:
                continue
            value = mean - deviation * _inverse_normal(max(uniform(), 1e-300) * _TAIL)
        else:
            value = gauss(mean, deviation)
        if value > best:
            best, best_position = value, position
    return best_position


def _highest_bound(tracks: list[ArmTrack], outlook: tuple[list[float], list[float]], now_s: float, rng: Random) -> int:
    """Return the position of the highest bound, of an arm believed ill the mean it has when ill."""
    means, widths = outlook
    z = abs(rng.gauss(0.0, 1.0))
    best, best_position = -math.inf, 0
    for position, track in enumerate(tracks):
        if track.doubt > CERTAIN and rng.random() < track.doubt_at(now_s):
            value = track.ill_mean
        else:
            value = means[position] + z * widths[position]
        if value > best:
            best, best_position = value, position
    return best_position
