"""Before anything is known: ask the arms in turn, and each newcomer once."""

from collections.abc import Sequence
from random import Random

from salesboost_tools.selection.policy import Choice, Situation


def least_asked(pending: Sequence[int]) -> list[int]:
    """Return the positions of the arms with the fewest unanswered choices: where feedback is late, all get a turn."""
    fewest = min(pending)
    return [position for position, waiting in enumerate(pending) if waiting == fewest]


def choose_in_turn(pending: Sequence[int], rng: Random) -> Choice:
    """Return one of the least asked, each with equal probability."""
    turn = least_asked(pending)
    return Choice(turn[int(rng.random() * len(turn))], 1 / len(turn))


def chances_in_turn(pending: Sequence[int]) -> tuple[float, ...]:
    """Return the probability of every arm under `choose_in_turn`."""
    turn = least_asked(pending)
    return tuple([1 / len(turn) if position in turn else 0.0 for position in range(len(pending))])


def newcomers(situation: Situation) -> list[int]:
    """Return the positions of the arms that nobody has tried and that are not being tried now."""
    return [
        position
        for position, known in enumerate(situation.statistics)
        if not known.pulls and not situation.pending[position]
    ]
