"""Contexts as vectors: a dictionary of words, flags and numbers becomes coordinates of one fixed length."""

import math
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salesboost_tools.core.errors import ConfigurationError

Vector = NDArray[np.float64]

_SHARED_SLOTS = 8
"""Coordinates at the end that features share, by hash, once there are more features than coordinates."""

_REACH_SD = 4.0
"""Numbers further from their mean than so many standard deviations count as being that far."""

_SMALLEST = 8


class Encoder:
    """Turns contexts into vectors. Words and flags take a coordinate per value, numbers one, standardised as they come.

    Coordinate 0 is always 1. Coordinates are given out as features are met, in powers of two up to the bound; later
    features share the last eight by hash. What is neither text, flag nor finite number is left out.

    Args:
        max_dimensions: Length of a vector at most, 16 or more.

    Raises:
        ConfigurationError: `max_dimensions` is out of range.
    """

    __slots__ = ("_names", "_numbers", "dimensions", "max_dimensions")

    def __init__(self, max_dimensions: int = 64) -> None:
        if max_dimensions < 2 * _SHARED_SLOTS:
            raise ConfigurationError(f"max_dimensions is {2 * _SHARED_SLOTS} or more; got {max_dimensions!r}")
        self.max_dimensions = max_dimensions
        self.dimensions = _SMALLEST
        """Length of the vectors now; it only grows."""
        self._names: dict[tuple[str, Any], int] = {}
        self._numbers: dict[
            str, list[float]
        ] = {}  # name -> [count, mean, sum of squares about it, 1 / deviation, slot]

    def encode(self, context: Mapping[str, Any], *, learn: bool = False) -> Vector:
        """Return the vector of a context, `(dimensions,)`.

        Args:
            context: Features by name.
            learn: Let the numbers count in their means and deviations; once per outcome.
        """
        coordinates = [0.0] * self.dimensions
        coordinates[0] = 1.0
        numbers = self._numbers
        for name, value in context.items():
            if value.__class__ is float or (value.__class__ is int):
                known = numbers.get(name)
                if known is None:
                    known = numbers[name] = [0.0, 0.0, 0.0, 1.0, float(self._slot((name, None)))]
                if not math.isfinite(value):
                    continue
                if learn:
                    _count_in(known, value)
                distance = (value - known[1]) * known[3]
                if distance > _REACH_SD:
                    distance = _REACH_SD
                elif distance < -_REACH_SD:
                    distance = -_REACH_SD
                slot = int(known[4])
            elif isinstance(value, str | bool):
                slot = self._names.get((name, value), 0) or self._slot((name, value))
                distance = 1.0
            else:
                continue
            if slot >= len(coordinates):
                coordinates.extend([0.0] * (self.dimensions - len(coordinates)))
            coordinates[slot] += distance
        return np.array(coordinates)

    def _slot(self, feature: tuple[str, Any]) -> int:
        """Return the coordinate of a feature, a new one for a new feature while there are any."""
        slot = self._names.get(feature)
        if slot is not None:
            return slot
        slot = len(self._names) + 1
        if slot >= self.max_dimensions - _SHARED_SLOTS:
            slot = self.max_dimensions - 1 - zlib.crc32(repr(feature).encode()) % _SHARED_SLOTS
            self.dimensions = self.max_dimensions
            return slot  # not remembered: an endless stream of values, such as ids, must not fill the memory
        self._names[feature] = slot
        while slot >= self.dimensions:
            self.dimensions = min(2 * self.dimensions, self.max_dimensions)
        return slot


def _count_in(known: list[float], value: float) -> None:
    """Welford's running mean and variance ("Note on a Method for Calculating Corrected Sums of Squares", 1962)."""
    known[0] += 1
    off = value - known[1]
    known[1] += off / known[0]
    known[2] += off * (value - known[1])
    if known[2] > 0:
        known[3] = math.sqrt(known[0] / known[2])
