"""Contexts as vectors: a dictionary of words, flags and numbers becomes coordinates of one fixed length."""

import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salesboost_tools.core.errors import ConfigurationError

Vector = NDArray[np.float64]

_NUMBERS = (float, int)
"""Not `float | int`, which is put together anew each time it is read."""

_SHARED_SLOTS = 8
"""Coordinates at the end that features share, by hash, once there are more features than coordinates."""

_REACH_SD = 4.0
"""Numbers further from their mean than so many standard deviations count as being that far."""

_FURTHEST = 1e150
"""Numbers further from 0 are left out: their squares would overflow, and whole numbers beyond 1e308 are no floats."""

_SMALLEST = 8

_LEFT_OUT = 0
"""Where features go that are not looked at."""

_LONGEST_WORD = 64
"""Characters; what is longer is a text, not one of a few words."""

_NUMBERS_PER_DIMENSION = 4
"""Numbers followed at most, so that an endless stream of names does not fill the memory."""


class Encoder:
    """Turns contexts into vectors. Words and flags take a coordinate per value, numbers one, standardised as they come.

    Coordinate 0 is always 1. Coordinates are given out as features are met, in powers of two up to the bound; later
    features share the last eight by hash. Left out is what is neither word, flag nor number between -1e150 and 1e150,
    and a text of more than 64 characters.

    Args:
        max_dimensions: Length of a vector at most, 16 or more.

    Raises:
        ConfigurationError: `max_dimensions` is out of range.
    """

    __slots__ = ("_first_shared", "_given", "_numbers", "_words", "dimensions", "max_dimensions")

    def __init__(self, max_dimensions: int = 64) -> None:
        if max_dimensions < 2 * _SHARED_SLOTS:
            raise ConfigurationError(f"max_dimensions is {2 * _SHARED_SLOTS} or more; got {max_dimensions!r}")
        self.max_dimensions = max_dimensions
        self.dimensions = _SMALLEST
        """Length of the vectors now; it only grows."""
        self._first_shared = max_dimensions - _SHARED_SLOTS
        self._given = 0
        self._words: dict[tuple[str, str | bool], int] = {}  # name and value -> slot
        self._numbers: dict[str, _Number] = {}

    def encode(self, context: Mapping[str, Any], *, learn: bool = False) -> Vector:
        """Return the vector of a context, `(dimensions,)`.

        Args:
            context: Features by name.
            learn: Let the numbers count in their means and deviations; once per outcome.
        """
        return np.array(self._coordinates(context, learn=learn))

    def encode_all(self, contexts: Sequence[Mapping[str, Any]]) -> Vector:
        """Return the vectors of contexts, `(contexts, dimensions)`, their numbers counted in means and deviations."""
        rows = [self._coordinates(context, learn=True) for context in contexts]
        size = self.dimensions
        return np.array([row if len(row) == size else row + [0.0] * (size - len(row)) for row in rows])

    def _coordinates(self, context: Mapping[str, Any], *, learn: bool) -> list[float]:
        coordinates = [0.0] * self.dimensions
        words, numbers = self._words, self._numbers
        for name, value in context.items():
            if isinstance(value, str) or value is True or value is False:
                slot = words.get((name, value)) or self._new_word(name, value)
                distance = 1.0
            elif isinstance(value, _NUMBERS) and -_FURTHEST < value < _FURTHEST:
                known = numbers.get(name) or self._new_number(name)
                distance = (known.count_in(value) if learn else value - known.mean) * known.per_deviation
                if distance > _REACH_SD:
                    distance = _REACH_SD
                elif distance < -_REACH_SD:
                    distance = -_REACH_SD
                slot = known.slot
            else:
                continue
            if slot >= len(coordinates):
                coordinates.extend([0.0] * (self.dimensions - len(coordinates)))
            coordinates[slot] += distance
        coordinates[_LEFT_OUT] = 1.0  # whatever has been left out there
        return coordinates

    def dump(self) -> dict[str, Any]:
        """Return which feature has which coordinate, and where the numbers lie, as `json.dumps` takes it."""
        return {
            "dimensions": self.dimensions,
            "words": [[name, value, slot] for (name, value), slot in self._words.items()],
            "numbers": {name: known.dump() for name, known in self._numbers.items()},
        }

    def load(self, dumped: Mapping[str, Any]) -> None:
        """Become what `dump` was taken of. Raises KeyError, TypeError or ValueError if it is no such dump."""
        self._words = {(str(name), value): int(slot) for name, value, slot in dumped["words"]}
        self._numbers = {str(name): _Number.loaded(known) for name, known in dumped["numbers"].items()}
        self.dimensions = int(dumped["dimensions"])
        slots = [*self._words.values(), *(known.slot for known in self._numbers.values())]
        self._given = max((slot for slot in slots if slot < self._first_shared), default=0)

    def _new_word(self, name: str, value: str | bool) -> int:  # noqa: FBT001  (a flag is a word)
        if isinstance(value, str) and len(value) > _LONGEST_WORD:
            return _LEFT_OUT
        slot = self._next_slot((name, value))
        if slot < self._first_shared:  # others are not remembered: an endless stream of ids must not fill the memory
            self._words[(name, value)] = slot
        return slot

    def _new_number(self, name: str) -> "_Number":
        if len(self._numbers) >= _NUMBERS_PER_DIMENSION * self.max_dimensions:
            return _Number(_LEFT_OUT)
        known = self._numbers[name] = _Number(self._next_slot((name, None)))
        return known

    def _next_slot(self, feature: tuple[str, Any]) -> int:
        """Return the coordinate of a new feature, its own while there are any."""
        slot = self._given + 1
        if slot >= self._first_shared:
            self.dimensions = self.max_dimensions
            return self._first_shared + zlib.crc32(repr(feature).encode()) % _SHARED_SLOTS
        self._given = slot
        while slot >= self.dimensions:
            self.dimensions = min(2 * self.dimensions, self.max_dimensions)
        return slot


class _Number:
    """What is known of the values of a number.

    Source: Welford, "Note on a Method for Calculating Corrected Sums of Squares", Technometrics 4 (1962).
    """

    __slots__ = ("count", "mean", "per_deviation", "slot", "squares")

    def __init__(self, slot: int) -> None:
        self.slot = slot
        self.count = self.mean = self.squares = 0.0  # squares about the mean
        self.per_deviation = 1.0

    def count_in(self, value: float) -> float:
        """Return how far the value is from the mean, itself included."""
        count = self.count = self.count + 1.0
        before = value - self.mean
        mean = self.mean = self.mean + before / count
        off = value - mean
        squares = self.squares = self.squares + before * off
        if squares > 0:
            self.per_deviation = math.sqrt(count / squares)
        return off

    def dump(self) -> list[float]:
        return [self.count, self.mean, self.squares, self.per_deviation, float(self.slot)]

    @classmethod
    def loaded(cls, dumped: Sequence[float]) -> "_Number":
        count, mean, squares, per_deviation, slot = map(float, dumped)
        known = cls(int(slot))
        known.count, known.mean, known.squares, known.per_deviation = count, mean, squares, per_deviation
        return known
