"""What the adaptive policy remembers of a group: a track per arm, and a model of the context once there is one."""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.bounds import HEIGHTS, Envelope, Line, chances_of_bounds, upper_envelopes
from salesboost_tools.selection.dumped import reading
from salesboost_tools.selection.health import CERTAIN, hope
from salesboost_tools.selection.policy import Choice, Outcome, Situation, nothing_pending
from salesboost_tools.selection.statistics import ArmStatistics
from salesboost_tools.selection.track import ArmTrack

_DUMP = "adaptive/5"

_UNKNOWN = -1

_LIFTED_AT_EACH_UNTIL = 256.0
_LIFTED_EVERY = 16.0
"""Of so many outcomes each raises the bounds, then every sixteenth does: they rise with the logarithm."""

_TURN = (math.sqrt(5) - 1) / 2
"""Which outcomes a model of the context is told of, if not of all, follows from their number times the golden ratio: so
nothing that comes at regular intervals is missed."""

_HARDLY_TRUSTED = 0.01
"""While contexts are looked at more rarely than in this share of choices, what is learnt of them can wait a little."""

_NEGLECTED_BELOW = 0.02
_NOBODY_NEGLECTED_UNTIL = 500.0
_NEGLECTED_AT_MOST = 100.0
"""An arm is neglected with fewer outcomes than this share of what all arms have had since the first 500, and fewer than
100: with so many it has met each of some contexts several times. Among few outcomes every arm is known too little."""


class AdaptiveMemory:
    """What one process has made of one group's outcomes: a track per arm, and a model of the context.

    Everything in it follows from the totals in the store and from the outcomes of this process, so losing it loses
    little: a new one starts from the totals, with every arm healthy and the context unproven.
    """

    __slots__ = (
        "_all_known",
        "_envelopes",
        "_ill",
        "_known",
        "_lift_until",
        "_looks",
        "_model",
        "_outcomes",
        "_pace",
        "_places",
        "_rests",
        "_sharpness",
        "_weights",
        "arms",
        "asked",
        "heard",
        "leader",
        "lift",
        "lined_up",
        "lined_up_lines",
        "most_doubt",
        "nothing_pending",
        "sure_below",
        "tracks",
        "trust",
    )

    def __init__(self, weights: RewardWeights, sharpness: float, persistence: float, *, looks: bool) -> None:
        self._weights = weights
        self._sharpness = sharpness
        self._pace = 2 * persistence * sharpness
        self._outcomes = 0.0
        self._lift_until = 0.0
        self._looks = looks
        self._model: Any = None
        self._rests = False  # whether what comes of the arm used last may wait, so that the same will be asked again
        self.tracks: dict[str, ArmTrack] = {}
        """By name; of arms with outcomes only."""
        self.heard = False
        """Whether any outcome is known."""
        self.lift = 0.0
        """Widths by which the bounds without context lie above the means, at least."""
        self.trust = 0.0
        """How likely a choice is to look at its context, in [0, 1]."""
        self._forget_line_up()

    @property
    def looked_lift(self) -> float:
        """The same of the bounds in a context."""
        return self._model.lift(self._outcomes)

    def lines(self, situation: Situation) -> Sequence[Line]:
        """Return mean and width of the reward to expect of each healthy arm, whatever the context is.

        The line-up is then of the situation's arms and up to date with the totals.
        """
        if self.asked is situation.statistics and self.arms is situation.arms:
            if self.sure_below == _UNKNOWN:  # worth it when the same is asked again
                self._find_leader()
        else:
            if self.arms is not situation.arms:
                self._line_up(situation.arms)
            if self._known != list(situation.statistics):  # the very same objects, but for others' outcomes
                self._catch_up(situation)
            self.asked = situation.statistics
            if self._rests:
                self._find_leader()
        lines = self.lined_up_lines
        return self._narrowed(lines, situation.pending) if any(situation.pending) else lines

    def looked_lines(self, situation: Situation) -> Sequence[Line]:
        """Return the same in the situation's context, for the line-up."""
        lines: list[Line] = self._model.outlook(situation.arms, situation.context)
        return self._narrowed(lines, situation.pending) if any(situation.pending) else lines

    def _narrowed(self, lines: Sequence[Line], pending: Sequence[int]) -> Sequence[Line]:
        """Return the lines as if the outcomes awaited had come and told nothing new."""
        return [
            (mean, width * math.sqrt(track.share_known(waiting))) if waiting else (mean, width)
            for (mean, width), track, waiting in zip(lines, self.lined_up, pending, strict=True)
        ]

    def lines_if_ill(self, lines: Sequence[Line], z: float, luck: float, now_s: float) -> list[Line]:
        """Return the lines, those of arms that are ill if luck has it so without width: such an arm is worth just that.

        Args:
            lines: Of the healthy arms.
            z: How many widths above its mean the ill arm is taken to be.
            luck: An arm is ill if its doubt is above this, in [0, 1).
            now_s: When: since the latest outcome a doubt can only have faded.
        """
        if_ill, most_doubt = list(lines), 0.0
        for place, track in enumerate(self.lined_up):
            doubt = track.doubt
            most_doubt = max(most_doubt, doubt)
            if luck >= doubt or doubt <= CERTAIN:
                continue
            if luck < track.doubt_at(now_s) or luck < self._doubt(place, lines, now_s):  # the latter is never less
                mean, width = track.ill_line
                if_ill[place] = (mean + z * width, 0.0)
        self.most_doubt = most_doubt
        return if_ill

    def chances(self, lines: Sequence[Line], lift: float, now_s: float) -> tuple[float, ...]:
        """Return the probability that each arm of the line-up has the highest bound; some may be ill.

        Args:
            lines: Of the healthy arms.
            lift: What is added to the random height for them.
            now_s: When.
        """
        doubts: list[tuple[float, int]] = []
        if self.most_doubt > CERTAIN:
            in_doubt = [place for place, track in enumerate(self.lined_up) if track.doubt > CERTAIN]
            doubts = sorted([(self._doubt(place, lines, now_s), place) for place in in_doubt])
        ill, envelopes = [place for _, place in doubts], self._envelopes
        if lines is not self.lined_up_lines or not envelopes or ill != self._ill:
            envelopes = upper_envelopes(lines, lift, [(place, self.lined_up[place].ill_line) for place in ill])
            if lines is self.lined_up_lines:
                self._envelopes, self._ill = envelopes, ill
        return chances_of_bounds(len(lines), envelopes, [doubt for doubt, _ in doubts])

    def _doubt(self, place: int, lines: Sequence[Line], now_s: float) -> float:
        """Return how likely an arm of the line-up is to be treated as ill: no more than it was at its latest outcome.

        Args:
            place: Which arm.
            lines: Of the healthy arms.
            now_s: When.
        """
        track = self.lined_up[place]
        elsewhere = max(
            [
                mean - other.doubt * (mean - other.ill_line[0])
                for (mean, _), other in zip(lines, self.lined_up, strict=True)
                if other is not track
            ]
        )
        share = hope(lines[place][0] - elsewhere, elsewhere - track.ill_line[0])
        return track.doubt - share * (track.doubt - track.doubt_at(now_s))

    def standard(self, situation: Situation) -> float:
        """Return what a choice for the context has to beat: the reward to expect of the best arm in any context."""
        arms = situation.arms
        if self.most_doubt >= 0.5:
            arms = [arm for arm, track in zip(arms, self.lined_up, strict=True) if track.doubt < 0.5]
        return self._model.standard(arms)

    def neglected(self, situation: Situation) -> Sequence[int]:
        """Return the positions of healthy arms of which little is known beside the others; what is awaited counts."""
        if self._all_known:
            return ()
        enough = min(_NEGLECTED_AT_MOST, _NEGLECTED_BELOW * (self._outcomes - _NOBODY_NEGLECTED_UNTIL))
        if enough <= 0:
            return ()
        least = min([track.totals.pulls for track in self.lined_up])
        if least >= enough:
            self._all_known = least >= _NEGLECTED_AT_MOST
            return ()
        return [
            position
            for position, (track, waiting) in enumerate(zip(self.lined_up, situation.pending, strict=True))
            if track.totals.pulls + waiting < enough and track.doubt < 0.5
        ]

    def learn(self, arm: str, known: ArmStatistics, outcomes: Sequence[Outcome], now_s: float) -> bool:
        """Learn from outcomes; the next may wait if the arm is settled and contexts are hardly looked at."""
        track = self.tracks.get(arm)
        if track is None:
            track = self.tracks[arm] = ArmTrack(self._weights, self._sharpness)
            self._forget_line_up()
        doubt = self._follow(track, self._places.get(arm), known, now_s)
        if self._looks and doubt < 0.5:
            self._learn_contexts(arm, known, outcomes, 1 - doubt)
        self._rests = track.is_settled and self.trust < _HARDLY_TRUSTED
        return self._rests

    def _learn_contexts(self, arm: str, known: ArmStatistics, outcomes: Sequence[Outcome], share: float) -> None:
        """Let the model learn from outcomes of an arm that was healthy with probability `share`."""
        number = known.pulls - len(outcomes)
        for context, success, reward, note in outcomes:
            number += 1
            if not context:
                continue
            if self._model is None:
                from salesboost_tools.selection.context_model import ContextModel  # noqa: PLC0415  (numpy)

                self._model = ContextModel(len(context), self._weights)
            if number * _TURN % 1.0 < self._model.wanted:
                self._model.learn(arm, known, context, success=success, reward=reward, standard=note, share=share)
                self.trust = self._model.trust

    def dump(self) -> dict[str, Any]:
        """Return everything learnt, as `json.dumps` takes it."""
        model = None
        if self._model is not None:
            model = self._model.dump()
            self.trust = self._model.trust  # what waited has been learnt for the dump
        return {
            "kind": _DUMP,
            "weights": self._weights.version,
            "heard": self.heard,
            "tracks": {arm: track.dump() for arm, track in self.tracks.items()},
            "model": model,
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

                model = ContextModel.loaded(dumped["model"], self._weights)
            self.heard = bool(dumped["heard"])
            self._count_in(sum(track.totals.pulls for track in tracks.values()))
            self.tracks, self._model = tracks, model
            self.trust = 0.0 if model is None else model.trust
            self._forget_line_up()

    def _count_in(self, outcomes: float) -> None:
        if outcomes > 0:  # those a store has lost were learnt from all the same
            self._outcomes += outcomes
        if self._outcomes >= self._lift_until:
            step = _LIFTED_EVERY if self._outcomes >= _LIFTED_AT_EACH_UNTIL else 1.0
            counted = self._outcomes // step * step  # so that the lift follows from how many there are alone
            self.lift = math.sqrt(self._pace * math.log1p(counted))
            self._lift_until = counted + step
            self.sure_below, self._envelopes = _UNKNOWN, ()  # of the lift before, whichever arm has raised it

    # The line-up: what choices need of the arms last asked about, side by side in their order. A track's part in it
    # is stale once the track follows another outcome, and is put right there and then, by `_follow`.

    def _forget_line_up(self) -> None:
        self._line_up(())

    def _line_up(self, arms: Sequence[str]) -> None:
        self.arms = arms
        self.asked: Sequence[ArmStatistics] = ()
        """The statistics with which the line-up is up to date, as they were asked about last."""
        self.nothing_pending = nothing_pending(len(arms))
        self._places = {arm: place for place, arm in enumerate(arms)}
        self.lined_up = [self.tracks.get(arm) or ArmTrack(self._weights, self._sharpness) for arm in arms]
        self._known = [track.totals for track in self.lined_up]
        self.lined_up_lines = [track.line for track in self.lined_up]
        self.most_doubt = max([track.doubt for track in self.lined_up], default=0.0)
        """At least the highest doubt about an arm of the line-up; lowered by `lines_if_ill`."""
        self.leader = Choice(0, None)
        """The choice of the arm whose line leads in `lined_up_lines` at the lowest of `HEIGHTS`, the lift added."""
        self.sure_below = _UNKNOWN
        """The step of `HEIGHTS` up to where it does; -1 if nobody has looked for a leader since a line last changed."""
        self._envelopes: Sequence[Envelope] = ()
        """Of `lined_up_lines`; empty if nobody has asked since a line or the lift last changed."""
        self._all_known = False
        """Whether none of the arms can be neglected any more: what a store loses has been learnt all the same."""
        self._ill: Sequence[int] = ()
        """Which arms may be ill in them."""

    def _follow(self, track: ArmTrack, place: int | None, known: ArmStatistics, now_s: float) -> float:
        """Let a track, at this place of the line-up if at any, follow the totals; return what the track returns."""
        before = track.totals.pulls
        doubt = track.follow(known, now_s)
        self._count_in(known.pulls - before)
        if known.pulls:
            self.heard = True
        if place is not None:
            self.sure_below, self._envelopes = _UNKNOWN, ()
            self._known[place] = known
            self.lined_up_lines[place] = track.line
            if track.doubt > self.most_doubt:  # noqa: PLR1730  (on every outcome: a call less)
                self.most_doubt = track.doubt
        return doubt

    def _find_leader(self) -> None:
        """Look which arm leads and up to where."""
        lines, lift = self.lined_up_lines, self.lift
        bounds = [mean + lift * width for mean, width in lines]
        leader = bounds.index(max(bounds))
        best, own = lines[leader]
        below = min([(best - mean) / (width - own) for mean, width in lines if width > own], default=math.inf)
        self.leader, self.sure_below = Choice(leader, None), bisect_left(HEIGHTS, below - lift)

    def _catch_up(self, situation: Situation) -> None:
        for place, (arm, known) in enumerate(zip(situation.arms, situation.statistics, strict=True)):
            track = self.lined_up[place]
            if track.totals != known:
                self.tracks[arm] = track
                self._follow(track, place, known, situation.now_s)
