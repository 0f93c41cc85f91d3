"""The latent semantic space: passages and questions as directions, near each other when they are about the same.

Deerwester, Dumais, Furnas, Landauer, Harshman, "Indexing by latent semantic analysis", JASIS 41(6), 1990, with the
log-entropy weights of Dumais, "Improving the retrieval of information from external sources", 1991. Words are cut and
stemmed by the index, so a word means the same to both searches. There is no randomness in it.

Only this module imports numpy, and only a semantic search imports this module.
"""

import math
import sqlite3
import uuid
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from salesboost_tools.tools.knowledge.tables import passage_count
from salesboost_tools.tools.knowledge.words import STOP_WORDS, Stemmer

DIMENSIONS = 200
"""Directions kept, but at most half as many as there are passages: all of them would only repeat the words."""

FIT_PASSAGES = 2000
"""The directions are learnt from at most this many passages, spread evenly; the others are folded in (section 4.2 of
the paper). It bounds the work to a few seconds and some hundred megabytes, whatever the size of the collection."""

_TERMS_AT_ONCE = 2000
_PASSAGES_AT_ONCE = 256
_HEAD_WEIGHT = 2
_TINY = 1e-12

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each term stands in each passage: `times[i]` times term `terms[i]` in passage `rows[i]`.

    Attributes:
        passages: Passage ids, shape (n,).
        vocabulary: Terms, each once, length m.
        rows, terms, times: Shape (nonzero,), sorted by row; indices into `passages` and `vocabulary`, and counts.
    """

    passages: Whole
    vocabulary: list[str]
    rows: Whole
    terms: Whole
    times: Whole


class LatentSemanticIndex:
    """A space of at most 200 directions in which every passage and every question has a place.

    Args:
        passages: Passage ids, shape (n,).
        directions: Of the passages, shape (n, k), rows of length 1 (or 0 for a passage without words).
        vocabulary: Terms, each once, length m.
        weights: Of the terms, shape (m,), in [0, 1]: 0 if spread evenly over all passages, 1 if in one alone.
        loadings: Where each term points, shape (m, k).
    """

    def __init__(
        self, passages: Whole, directions: Floats, vocabulary: list[str], weights: Floats, loadings: Floats
    ) -> None:
        self.passages = passages
        self.directions = directions
        self.vocabulary = vocabulary
        self.weights = weights
        self.loadings = loadings
        self._term = {term: place for place, term in enumerate(vocabulary)}

    @classmethod
    def fit(cls, counts: Counts, *, dimensions: int = DIMENSIONS) -> "LatentSemanticIndex":
        """Learn the space from term counts. About 0.5 s for 1,400 abstracts."""
        n, m = len(counts.passages), len(counts.vocabulary)
        weights = _entropy_weights(counts, n, m)
        values = np.log1p(counts.times) * weights[counts.terms]
        lengths = np.sqrt(np.bincount(counts.rows, values**2, minlength=n))
        values = values / np.maximum(lengths, _TINY)[counts.rows]
        sample = np.unique(np.linspace(0, n - 1, min(n, FIT_PASSAGES)).astype(np.int64)) if n else np.zeros(0, np.int64)
        loadings = _learn(counts, values, sample, m, max(1, min(dimensions, n // 2)))
        directions = np.zeros((n, loadings.shape[1]), np.float32)
        for first, last, rows, terms, part in _slices(counts, values, n):
            used, column = np.unique(terms, return_inverse=True)
            dense = np.zeros((last - first, len(used)))
            dense[rows - first, column] = part
            directions[first:last] = _unit_rows(dense @ loadings[used])
        return cls(
            counts.passages, directions, counts.vocabulary, weights.astype(np.float32), loadings.astype(np.float32)
        )

    def scores(self, stems: Iterable[str]) -> Floats:
        """Return how near each passage is to a question, shape (n,), in [-1, 1].

        It is the cosine between the question and the passage, where the question keeps its full length: words that
        lie outside the space, and words never seen, which weigh most, make it smaller. So a question about something
        else scores near 0 everywhere, although one of its words may be known.
        """
        times: dict[str, int] = {}
        for stem in stems:
            times[stem] = times.get(stem, 0) + 1
        known = [(self._term[stem], math.log1p(count)) for stem, count in times.items() if stem in self._term]
        unseen = math.fsum(math.log1p(count) ** 2 for stem, count in times.items() if stem not in self._term)
        places = np.array([place for place, _ in known], np.int64)
        strengths = np.array([strength for _, strength in known], np.float32) * self.weights[places]
        length = math.sqrt(float(np.sum(strengths**2)) + unseen)
        question = np.einsum("t,tk->k", strengths, self.loadings[places]) / max(length, _TINY)
        # einsum and not @: a product this small is memory-bound, and BLAS would wake its threads for every question.
        return np.einsum("nk,k->n", self.directions, question).astype(np.float32, copy=False)

    def save(self, path: Path) -> None:
        """Write the space to an `.npz` file, beside it first and then in one step in its place."""
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        try:
            with temporary.open("wb") as file:
                np.savez(
                    file,
                    passages=self.passages,
                    directions=self.directions,
                    vocabulary=np.frombuffer("\n".join(self.vocabulary).encode(), np.uint8),
                    weights=self.weights,
                    loadings=self.loadings,
                )
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path) -> "LatentSemanticIndex":
        """Read a space. Nothing in the file is ever executed: it holds numbers only, and pickles are refused.

        Raises:
            OSError, ValueError, KeyError, zipfile.BadZipFile: There is no such file, or it is no saved space.
        """
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            text = bytes(arrays["vocabulary"]).decode()
            vocabulary: list[str] = text.split("\n") if text else []
            passages, directions = arrays["passages"], arrays["directions"]
            weights, loadings = arrays["weights"], arrays["loadings"]
        if len(passages) != len(directions) or not len(vocabulary) == len(weights) == len(loadings):
            raise ValueError(f"{path} holds arrays that do not belong together")
        return cls(passages, directions, vocabulary, weights, loadings)


def count_terms(connection: sqlite3.Connection, stemmer: Stemmer) -> Counts:
    """Return the term counts of an index; words in title, heading and tags count double, stop words not at all."""
    found = connection.execute("SELECT id FROM passage ORDER BY id")
    passages = np.fromiter((row[0] for row in found), np.int64, passage_count(connection))
    stops = {stem for stems in stemmer.stems(sorted(STOP_WORDS)) for stem in stems}
    vocabulary: dict[str, int] = {}
    places, owners, weights = array("q"), array("q"), array("q")
    for term, passage, column in connection.execute("SELECT term, doc, col FROM word_places"):
        if term not in stops:
            places.append(vocabulary.setdefault(term, len(vocabulary)))
            owners.append(passage)
            weights.append(1 if column == "body" else _HEAD_WEIGHT)
    rows = np.searchsorted(passages, np.array(owners, np.int64))
    width = max(1, len(vocabulary))
    cells, cell = np.unique(rows * width + np.array(places, np.int64), return_inverse=True)
    times = np.bincount(cell, np.array(weights, np.float64), minlength=len(cells)).astype(np.int64)
    return Counts(passages, list(vocabulary), cells // width, cells % width, times)


def _entropy_weights(counts: Counts, n: int, m: int) -> NDArray[np.float64]:
    """Return 1 + sum(p log p) / log n for each term, with p its share in each of n passages; 1 for a single passage."""
    if n < 2:
        return np.ones(m)
    totals = np.bincount(counts.terms, counts.times, minlength=m)
    share = counts.times / totals[counts.terms]
    return 1 + np.bincount(counts.terms, share * np.log(share), minlength=m) / math.log(n)


def _learn(counts: Counts, values: NDArray[np.float64], sample: Whole, m: int, k: int) -> NDArray[np.float64]:
    """Return the right singular vectors of the sampled passages, shape (m, at most k).

    The singular value decomposition is taken from the eigenvectors of the passages' inner products, which is exact
    for the leading directions and needs no matrix of passages by terms: its columns are made a few at a time. Of
    directions that are equally strong all are kept or none, unless none at all would be.
    """
    position = np.full(len(counts.passages), -1)
    position[sample] = np.arange(len(sample))
    inside = position[counts.rows] >= 0
    rows, terms, part = position[counts.rows[inside]], counts.terms[inside], values[inside]
    order = np.argsort(terms, kind="stable")
    rows, terms, part = rows[order], terms[order], part[order]

    def columns() -> Iterator[tuple[slice, NDArray[np.float64]]]:
        for first in range(0, m, _TERMS_AT_ONCE):
            last = min(first + _TERMS_AT_ONCE, m)
            here = slice(*np.searchsorted(terms, (first, last)))
            dense = np.zeros((len(sample), last - first))
            dense[rows[here], terms[here] - first] = part[here]
            yield slice(first, last), dense

    products = np.zeros((len(sample), len(sample)))
    for _, dense in columns():
        products += dense @ dense.T
    squares, vectors = np.linalg.eigh(products)
    strongest = np.argsort(-squares, kind="stable")
    leading = strongest[:k]
    if len(strongest) > k:  # of equal directions some would be kept, and which ones is up to the machine's rounding
        apart = leading[squares[leading] > squares[strongest[k]] * (1 + 1e-9)]
        leading = apart if len(apart) else leading
    leading = leading[squares[leading] > 1e-9]
    singular, vectors = np.sqrt(squares[leading]), vectors[:, leading]
    loadings = np.zeros((m, len(leading)))
    for here, dense in columns():
        loadings[here] = dense.T @ vectors / singular
    return loadings


def _slices(
    counts: Counts, values: NDArray[np.float64], n: int
) -> Iterator[tuple[int, int, Whole, Whole, NDArray[np.float64]]]:
    """Yield `(first, last, rows, terms, values)` for a few passages at a time."""
    for first in range(0, n, _PASSAGES_AT_ONCE):
        last = min(first + _PASSAGES_AT_ONCE, n)
        here = slice(*np.searchsorted(counts.rows, (first, last)))
        yield first, last, counts.rows[here], counts.terms[here], values[here]


def _unit_rows(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), _TINY)
