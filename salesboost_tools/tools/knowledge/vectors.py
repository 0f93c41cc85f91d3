"""Vectors of texts: kept in a file under a hash of their text, compared by their cosine.

Only a search that has vectors imports this module, for it imports numpy.
"""

import hashlib
import uuid
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)
_TINY = 1e-12


def text_hash(text: str) -> bytes:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def ids_of(numbers: Iterable[int]) -> NDArray[np.int64]:
    """Return whole numbers as an array."""
    return np.fromiter(numbers, np.int64)


@dataclass(frozen=True, slots=True)
class Vectors:
    """Vectors of length 1, in the order of what they belong to; shape (n, dimensions)."""

    rows: Floats

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has; 0 if there are no vectors."""
        return self.rows.shape[1] if len(self.rows) else 0

    def cosines(self, question: Sequence[float]) -> Floats:
        """Return how near each vector is to a question's, shape (n,), in [-1, 1]; zeros if they cannot be compared."""
        vector = np.asarray(question, np.float32)
        if vector.shape != (self.dimensions,):
            return np.zeros(len(self.rows), np.float32)
        vector = vector / max(float(np.linalg.norm(vector)), _TINY)
        # einsum and not @: a product this small is memory-bound, and BLAS would wake its threads for every question
        return np.einsum("nk,k->n", self.rows, vector).astype(np.float32, copy=False)


class KeptVectors:
    """Vectors under the hashes of their texts."""

    def __init__(self, vectors: dict[bytes, Floats] | None = None) -> None:
        self._vectors = vectors or {}

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._vectors

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has; 0 if there are no vectors."""
        return next((len(vector) for vector in self._vectors.values()), 0)

    def fit(self, vectors: Sequence[Sequence[float]]) -> bool:
        """Return whether vectors have all as many numbers as those that are kept."""
        lengths = {len(vector) for vector in vectors}
        return len(lengths) == 1 and 0 not in lengths and self.dimensions in {0, *lengths}

    def add(self, digests: Sequence[bytes], vectors: Sequence[Sequence[float]]) -> None:
        """Keep vectors, made as long as 1."""
        rows = np.asarray(vectors, np.float32)
        rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), _TINY)
        self._vectors.update(zip(digests, rows, strict=True))

    def of(self, digests: Sequence[bytes]) -> Vectors:
        """Return the vectors of texts, in their order.

        Raises:
            KeyError: One is not kept.
        """
        rows = [self._vectors[digest] for digest in digests]
        return Vectors(np.stack(rows) if rows else np.zeros((0, 0), np.float32))

    def save(self, path: Path) -> None:
        """Write them to a file, beside it first and then in one step in its place."""
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        digests = np.frombuffer(b"".join(self._vectors), np.uint8).reshape(-1, 32)
        rows = np.stack(list(self._vectors.values())) if self._vectors else np.zeros((0, 0), np.float32)
        try:
            with temporary.open("wb") as file:
                np.savez(file, digests=digests, rows=rows)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path) -> "KeptVectors":
        """Read a file; nothing is kept if it is missing or damaged. Numbers only: nothing in it is ever executed."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                digests, rows = arrays["digests"], arrays["rows"].astype(np.float32)
                if rows.ndim != 2 or digests.shape != (len(rows), 32):
                    return cls()
                return cls({digest.tobytes(): row for digest, row in zip(digests, rows, strict=True)})
        except _UNREADABLE:
            return cls()
