"""MiniLM sentence embeddings without torch: the model's files, numpy, and nothing sent anywhere (extra `minilm`).

The model is a BERT (Devlin, Chang, Lee, Toutanova, "BERT", NAACL 2019) distilled to six layers (Wang et al., "MiniLM",
NeurIPS 2020) and trained on pairs of sentences (Reimers and Gurevych, "Sentence-BERT", EMNLP 2019): a text's vector is
the mean of its tokens' last states, at length 1.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from salesboost_tools.core.errors import ConfigurationError, MissingExtraError

try:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file  # pyright: ignore[reportUnknownVariableType]
    from tokenizers import Tokenizer
except ImportError as missing:
    raise MissingExtraError("MiniLM (TOOL_MINILM_DIR)", "minilm") from missing

MOST_TOKENS = 256
"""A text is cut here, as the model's authors did in training."""

FILES = ("config.json", "tokenizer.json", "model.safetensors")

_TOKENS_AT_ONCE = 2048
_FAR_BELOW = np.float32(-1e9)

Floats = NDArray[np.float32]


class MiniLmEmbeddings(Embeddings):
    """Vectors of texts by a BERT-like sentence model in a folder. Safe to use from several threads.

    About 10 ms for a question; a passage of 200 tokens takes some 100 ms of one core.

    Args:
        folder: Holds `config.json`, `tokenizer.json` and `model.safetensors`, as published for all-MiniLM-L6-v2.

    Raises:
        ConfigurationError: A file is missing, or the model is not of this kind; the message names it.
    """

    def __init__(self, folder: Path) -> None:
        if absent := [name for name in FILES if not (folder / name).is_file()]:
            raise ConfigurationError(
                f"TOOL_MINILM_DIR: {', '.join(absent)} not in {folder}; it has to be a folder with the files of "
                f"all-MiniLM-L6-v2: {', '.join(FILES)}"
            )
        try:
            self._config: Mapping[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            self._weights: dict[str, Floats] = {
                name.removeprefix("bert."): np.ascontiguousarray(value, np.float32)
                for name, value in load_file(folder / "model.safetensors").items()
                if value.dtype.kind == "f"
            }
            self._tokenizer = _tokenizer(folder, min(MOST_TOKENS, int(self._config["max_position_embeddings"])))
            self.model = _fingerprint(folder)
            self.embed_query("Is this a model?")
        except (SafetensorError, ValueError, KeyError, TypeError, OSError) as error:
            raise ConfigurationError(
                f"TOOL_MINILM_DIR: the model in {folder} cannot be used ({type(error).__name__}: {error}); it has to "
                "be a BERT such as all-MiniLM-L6-v2"
            ) from error

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a vector of length 1 for each text."""
        vectors: list[list[float]] = [[] for _ in texts]
        tokens: list[list[int]] = [found.ids for found in self._tokenizer.encode_batch(list(texts))]
        for places in _batches([len(each) for each in tokens]):
            for place, vector in zip(places, self._embed([tokens[place] for place in places]), strict=True):
                vectors[place] = vector.tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Return a vector of length 1."""
        return self.embed_documents([text])[0]

    def _embed(self, tokens: Sequence[Sequence[int]]) -> Floats:
        """Return the vectors of texts that are worked on together, shape (texts, hidden)."""
        weights, longest = self._weights, max(map(len, tokens))
        ids = np.zeros((len(tokens), longest), np.int64)
        real = np.zeros((len(tokens), longest), np.float32)
        for row, each in enumerate(tokens):
            ids[row, : len(each)] = each
            real[row, : len(each)] = 1
        states = weights["embeddings.word_embeddings.weight"][ids]
        states = states + weights["embeddings.position_embeddings.weight"][:longest]
        states = self._normal(states + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        hidden_from = ((1 - real) * _FAR_BELOW)[:, None, None, :]
        for layer in range(int(self._config["num_hidden_layers"])):
            states = self._layer(states, hidden_from, f"encoder.layer.{layer}.")
        mean = np.einsum("tlh,tl->th", states, real) / real.sum(axis=1, keepdims=True)
        return mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), np.float32(1e-12))

    def _layer(self, states: Floats, hidden_from: Floats, name: str) -> Floats:
        texts, length, hidden = states.shape
        heads = int(self._config["num_attention_heads"])

        def split(part: str) -> Floats:
            told = self._dense(states, f"{name}attention.self.{part}")
            return told.reshape(texts, length, heads, hidden // heads).transpose(0, 2, 1, 3)

        near = split("query") @ split("key").transpose(0, 1, 3, 2) / np.float32(math.sqrt(hidden // heads))
        near += hidden_from
        near -= near.max(axis=-1, keepdims=True)
        np.exp(near, out=near)
        near /= near.sum(axis=-1, keepdims=True)
        seen = (near @ split("value")).transpose(0, 2, 1, 3).reshape(texts, length, hidden)
        seen = self._dense(seen, f"{name}attention.output.dense")
        states = self._normal(states + seen, f"{name}attention.output.LayerNorm")
        thought = gelu(self._dense(states, f"{name}intermediate.dense"))
        return self._normal(states + self._dense(thought, f"{name}output.dense"), f"{name}output.LayerNorm")

    def _dense(self, states: Floats, name: str) -> Floats:
        return states @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]

    def _normal(self, states: Floats, name: str) -> Floats:
        centred = states - states.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + np.float32(self._config["layer_norm_eps"]))
        return centred / spread * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]


def gelu(values: Floats) -> Floats:
    """Return x P(X <= x) for a standard normal X (Hendrycks and Gimpel, 2016), to about 1e-6.

    The error function is Abramowitz and Stegun's 7.1.26 (1964), |error| <= 1.5e-7: numpy has none.
    """
    size = np.abs(values) * np.float32(math.sqrt(0.5))
    step = 1 / (1 + np.float32(0.3275911) * size)
    tail = np.full_like(step, 1.061405429)
    for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        tail *= step
        tail += np.float32(factor)
    tail *= step * np.exp(-(size**2))
    return np.float32(0.5) * values * (1 + np.copysign(1 - tail, values))


def _fingerprint(folder: Path) -> str:
    """Return what tells this model from any other, whatever its folder is called."""
    digest = hashlib.sha256()
    for name in FILES:
        with (folder / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def _tokenizer(folder: Path, most_tokens: int) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_str((folder / "tokenizer.json").read_text(encoding="utf-8"))
    except Exception as error:  # tokenizers has no class of its own for it
        raise ValueError(f"tokenizer.json: {error}") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(most_tokens)  # pyright: ignore[reportUnknownMemberType]
    return tokenizer


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield places of texts of like length that together stay below a number of tokens, padding included."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[place] > _TOKENS_AT_ONCE:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch
