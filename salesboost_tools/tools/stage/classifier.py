"""From a conversation to the stage it is in, with reasons, or to "not sure"."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from salesboost_tools.tools.stage.model import Floats, StageModel, log_share
from salesboost_tools.tools.stage.signals import Signals, Turn, read_turn
from salesboost_tools.tools.stage.stages import STAGES, StageSet

WINDOW = 6
"""Turns that are read. What was said earlier only counts as having been said: it moves the position on."""

SURE_AT_LEAST = 0.45
"""Below this the likeliest stage is right less often than not (see the data card), and none is named."""

BACK_AT_LEAST = 1.5
"""An earlier stage must be this many times as likely as the one that was reached, and the turn must say something."""

_REASONS_AT_MOST = 5
_REASON_AT_LEAST = 0.15
_BEFORE = "b"


@dataclass(frozen=True, slots=True)
class Reason:
    """Words that speak for the stage.

    Attributes:
        turn: Which turn they stand in, from 0.
        words: As they stand there, in lower case.
        weight: How much they speak for it, in log-odds against the other stages.
    """

    turn: int
    words: str
    weight: float


@dataclass(frozen=True, slots=True)
class Reading:
    """Where a conversation stands.

    Attributes:
        stage: None if no stage is likely enough.
        likeliest: The stage that would have been named.
        held: True if the last turn alone looked like an earlier stage, without enough to go back.
        stage_before: The stage reached before the last turn; None if there was none or it was not sure.
        probabilities: Of all stages, after the last turn, adding up to 1.
        reasons: What speaks for `likeliest`, strongest first.
        next_step: What a seller does next, if the stage is `likeliest`.
    """

    stage: str | None
    likeliest: str
    held: bool
    stage_before: str | None
    probabilities: Mapping[str, float]
    reasons: Sequence[Reason]
    next_step: str


def read_stage(
    turns: Sequence[Turn],
    model: StageModel,
    stages: StageSet,
    *,
    whole: bool = True,
    reached: str | None = None,
) -> Reading:
    """Return the stage that a conversation has reached with its last turn.

    Turn by turn, as the forward algorithm of a hidden Markov model does (Rabiner 1989, III.A), except that the
    probability of a turn's stage comes from a classifier: words, cues, speaker, position and the turn before.

    Args:
        turns: In order, at least one.
        model: The weights.
        stages: What the answer is given in.
        whole: False if `turns` are not the whole conversation, so that their position is not known.
        reached: The stage reached before these turns, if that is known.
    """
    first = max(0, len(turns) - WINDOW)
    signals = [read_turn(turn, model.lexicon) for turn in turns[first:]]
    belief: Floats | None = None
    before: Signals | None = None
    shares: Mapping[str, float] = {}
    settled = Settled("", sure=False, held=False)
    for place, now in enumerate(signals):
        if settled.sure:
            reached = settled.stage
        scores = model.scores(now, first + place if whole else None, before)
        if belief is not None and before is not None:
            scores = log_share(scores + model.after(belief, before, now))
        belief = np.exp(scores)
        shares = stages.shares(_by_stage(belief))
        settled = settle(shares, stages, reached, nod=now.is_nod)
        before = now
    assert belief is not None, "at least one turn"
    return Reading(
        stage=settled.stage if settled.sure else None,
        likeliest=settled.stage,
        held=settled.held,
        stage_before=reached,
        probabilities=shares,
        reasons=_reasons(signals, len(turns), whole=whole, model=model, toward=_within(stages, settled.stage, belief)),
        next_step=stages.next_step(settled.stage, _by_stage(belief), signals[-1].cues),
    )


@dataclass(frozen=True, slots=True)
class Settled:
    """The stage after a turn, whether it is likely enough to be named, and whether it was held against the turn."""

    stage: str
    sure: bool
    held: bool


def settle(shares: Mapping[str, float], stages: StageSet, reached: str | None, *, nod: bool) -> Settled:
    """Choose the likeliest stage; go back to an earlier one than was reached only on evidence.

    Args:
        shares: Probabilities of all stages.
        stages: Their order.
        reached: The last stage that was sure; None if there was none.
        nod: The turn only shows that it was heard. Then there is no evidence: a "yes" to a contract looks like a "yes"
            to a question.
    """
    stage, held = max(shares, key=shares.__getitem__), False
    if reached is not None and stages.place(stage) < stages.place(reached):
        held = nod or shares[stage] < BACK_AT_LEAST * shares[reached]
        stage = reached if held else stage
    return Settled(stage, sure=shares[stage] >= SURE_AT_LEAST, held=held)


def _by_stage(belief: Floats) -> dict[str, float]:
    return dict(zip(STAGES, belief.tolist(), strict=True))


def _within(stages: StageSet, stage: str, belief: Floats) -> Floats:
    """Return the shares of the model's stages within one of the set, shape (stages,)."""
    inside = np.array([part in stages.parts[stage] for part in STAGES])
    kept = np.where(inside, belief, 0.0)
    return kept / kept.sum()


def _reasons(signals: Sequence[Signals], turns: int, *, whole: bool, model: StageModel, toward: Floats) -> list[Reason]:
    now, before = signals[-1], signals[-2] if len(signals) > 1 else None
    weights: dict[tuple[int, str], float] = {}
    for feature, weight in model.reasons(now, turns - 1 if whole else None, before, toward).items():
        family, _, name = feature.partition(":")
        of_before = family.startswith(_BEFORE)
        spoken = before if of_before and before is not None else now
        words = spoken.cues.get(name, "") if "q" in family else name.strip("<> ")
        if words and family.strip("bqsp?") in {"", "w"}:
            key = (turns - 2 if of_before else turns - 1, words)
            weights[key] = weights.get(key, 0.0) + weight
    chosen: list[Reason] = []
    for (turn, words), weight in sorted(weights.items(), key=lambda item: (-item[1], item[0])):
        if len(chosen) == _REASONS_AT_MOST or weight < _REASON_AT_LEAST:
            break
        if not any(reason.turn == turn and _overlap(reason.words, words) for reason in chosen):
            chosen.append(Reason(turn, words, weight))
    return chosen


def _overlap(one: str, other: str) -> bool:
    return bool(set(one.split()) & set(other.split()))
