"""What the adaptive policy remembers of a group: a track per arm, and a model of the context once there is one."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection import gate
from salesboost_tools.selection.dumped import reading
from salesboost_tools.selection.policy import Lesson, Situation
from salesboost_tools.selection.track import ArmTrack

_DUMP = "adaptive/2"


class AdaptiveMemory:
    """What one process has made of one group's outcomes: a track per arm, and a model of the context.

    Everything in it follows from the totals in the store and from the outcomes of this process, so losing it loses
    little: a new one starts from the totals, with every arm healthy and the context unproven.
    """

    __slots__ = (
        "_lined_up",
        "_looks",
        "_model",
        "_outcomes",
        "_pace",
        "_sharpness",
        "_weights",
        "heard",
        "lift",
        "tracks",
    )

    def __init__(self, weights: RewardWeights, sharpness: float, persistence: float, *, looks: bool) -> None:
        self._weights = weights
        self._sharpness = sharpness
        self._pace = 2 * persistence * sharpness
        self._outcomes = 0.0
        self._looks = looks
        self._model: Any = None
        self._lined_up: tuple[Sequence[str], list[ArmTrack]] = ((), [])
        self.tracks: dict[str, ArmTrack] = {}
        """By name; of arms with outcomes only."""
        self.heard = False
        """Whether any outcome is known."""
        self.lift = 0.0
        """Widths by which the bounds without context lie above the means, at least."""

    @property
    def trust(self) -> float:
        """How likely a choice is to look at its context, in [0, 1]."""
        return self._model.trust if self._model is not None else 0.0

    @property
    def looked_lift(self) -> float:
        """The same of the bounds in a context."""
        return self._model.lift(self._outcomes)

    def line_up(self, situation: Situation) -> list[ArmTrack]:
        """Return the tracks of the situation's arms, up to date with the totals."""
        arms = situation.arms
        if self._lined_up[0] is not arms:
            tracks = [self.tracks.get(arm) or ArmTrack(self._weights, self._sharpness) for arm in arms]
            self._lined_up = (arms, tracks)
        else:
            tracks = self._lined_up[1]
        for track, known in zip(tracks, situation.statistics, strict=True):
            if track.totals is not known and track.totals != known:
                self._catch_up(arms, tracks, situation)
                break
        return tracks

    def lines(self, situation: Situation, *, looked: bool) -> Sequence[tuple[float, float]]:
        """Return mean and width of the reward to expect of each healthy arm, `line_up` having been called.

        Args:
            situation: The question.
            looked: Whether in its context, or whatever the context is.
        """
        tracks = self._lined_up[1]
        lines: list[tuple[float, float]] = (
            self._model.outlook(situation.arms, situation.context) if looked else [track.line for track in tracks]
        )
        if any(situation.pending):
            for position, waiting in enumerate(situation.pending):
                if waiting:
                    mean, width = lines[position]
                    lines[position] = mean, width * math.sqrt(tracks[position].share_known(waiting))
        return lines

    def standard(self, situation: Situation) -> float:
        """Return what a choice for the context has to beat: the reward to expect of the best arm in any context."""
        healthy = [arm for arm, track in zip(situation.arms, self._lined_up[1], strict=True) if track.doubt < 0.5]
        return self._model.standard(healthy)

    def learn(self, lesson: Lesson) -> None:
        """Learn from an outcome of this process."""
        track = self._track(lesson.arm)
        before = track.totals.pulls
        doubt = track.follow(lesson.known, lesson.now_s)
        self._count_in(track.totals.pulls - before)
        self.heard = True
        if self._looks and lesson.context and doubt < 0.5:
            if self._model is None:
                from salesboost_tools.selection.context_model import ContextModel  # noqa: PLC0415  (numpy)

                self._model = ContextModel(len(lesson.context))
            known = lesson.known
            noise = gate.noise((1 + known.successes) / (2 + known.pulls), self._weights)
            self._model.learn((lesson.arm, lesson.context, lesson.reward, 1 - doubt, noise, lesson.note))

    def dump(self) -> dict[str, Any]:
        """Return everything learnt, as `json.dumps` takes it."""
        return {
            "kind": _DUMP,
            "weights": self._weights.version,
            "heard": self.heard,
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
            self.heard = bool(dumped["heard"])
            self._count_in(sum(track.totals.pulls for track in tracks.values()))
            self.tracks, self._model = tracks, model
            self._lined_up = ((), [])

    def _track(self, arm: str) -> ArmTrack:
        track = self.tracks.get(arm)
        if track is None:
            track = self.tracks[arm] = ArmTrack(self._weights, self._sharpness)
            self._lined_up = ((), [])
        return track

    def _count_in(self, outcomes: float) -> None:
        self._outcomes += outcomes
        self.lift = math.sqrt(self._pace * math.log1p(self._outcomes))

    def _catch_up(self, arms: Sequence[str], tracks: list[ArmTrack], situation: Situation) -> None:
        for position, known in enumerate(situation.statistics):
            if tracks[position].totals != known:
                track = self.tracks[arms[position]] = tracks[position]
                self._count_in(known.pulls - track.totals.pulls)
                track.follow(known, situation.now_s)
                self.heard = self.heard or known.pulls > 0
