"""The model's arithmetic is that of BERT, step by step, on a small model with random weights; and on the real one."""

import builtins
import json
import math
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import BertProcessing

from salesboost_tools.core.errors import ConfigurationError, MissingExtraError
from salesboost_tools.tools.knowledge import EmbeddingSearch
from salesboost_tools.tools.knowledge.minilm import FILES, MOST_TOKENS, MiniLmEmbeddings, gelu

REAL = "SALESBOOST_MINILM"
HIDDEN, HEADS, INNER, LAYERS, EPSILON = 8, 2, 16, 2, 1e-12
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "price", "seat", "##s", "renew", "##al", "the", "is", "?"]


def weights(seed=7):
    draw = np.random.default_rng(seed)

    def some(*shape):
        return draw.normal(0, 0.5, shape).astype(np.float32)

    made = {
        "embeddings.word_embeddings.weight": some(len(WORDS), HIDDEN),
        "embeddings.position_embeddings.weight": some(MOST_TOKENS, HIDDEN),
        "embeddings.token_type_embeddings.weight": some(2, HIDDEN),
    }
    shapes = {
        "attention.self.query": (HIDDEN, HIDDEN), "attention.self.key": (HIDDEN, HIDDEN),
        "attention.self.value": (HIDDEN, HIDDEN), "attention.output.dense": (HIDDEN, HIDDEN),
        "intermediate.dense": (INNER, HIDDEN), "output.dense": (HIDDEN, INNER),
    }  # fmt: skip
    norms = ["embeddings.LayerNorm"]
    for layer in range(LAYERS):
        for name, shape in shapes.items():
            made[f"encoder.layer.{layer}.{name}.weight"] = some(*shape)
            made[f"encoder.layer.{layer}.{name}.bias"] = some(shape[0])
        norms += [f"encoder.layer.{layer}.{name}.LayerNorm" for name in ("attention.output", "output")]
    for name in norms:
        made[f"{name}.weight"], made[f"{name}.bias"] = some(HIDDEN), some(HIDDEN)
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("small-model")
    save_file(weights(), made / "model.safetensors")
    config = {
        "hidden_size": HIDDEN, "num_attention_heads": HEADS, "num_hidden_layers": LAYERS,
        "layer_norm_eps": EPSILON, "max_position_embeddings": MOST_TOKENS,
    }  # fmt: skip
    (made / "config.json").write_text(json.dumps(config))
    tokenizer = Tokenizer(WordPiece({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = BertNormalizer(), BertPreTokenizer()
    tokenizer.post_processor = BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(made / "tokenizer.json"))
    return made


@pytest.fixture(scope="module")
def model(folder):
    return MiniLmEmbeddings(folder)


def dense(vectors, name):
    return vectors @ W[f"{name}.weight"].T.astype(float) + W[f"{name}.bias"]


def normal(vector, name):
    centred = vector - vector.mean()
    return centred / math.sqrt((centred**2).mean() + EPSILON) * W[f"{name}.weight"] + W[f"{name}.bias"]


W = weights()


def by_the_paper(ids):
    """One text, one token and one head at a time, in double precision."""
    states = np.array([
        normal(
            W["embeddings.word_embeddings.weight"][token].astype(float)
            + W["embeddings.position_embeddings.weight"][place]
            + W["embeddings.token_type_embeddings.weight"][0],
            "embeddings.LayerNorm",
        )
        for place, token in enumerate(ids)
    ])  # fmt: skip
    for layer in range(LAYERS):
        name, size, seen = f"encoder.layer.{layer}.", HIDDEN // HEADS, np.zeros_like(states)
        query, key, value = (dense(states, f"{name}attention.self.{part}") for part in ("query", "key", "value"))
        for head in range(HEADS):
            part = slice(head * size, (head + 1) * size)
            for place in range(len(ids)):
                near = [math.exp(query[place, part] @ key[other, part] / math.sqrt(size)) for other in range(len(ids))]
                seen[place, part] = sum(n / sum(near) * value[other, part] for other, n in enumerate(near))
        seen = dense(seen, f"{name}attention.output.dense")
        states = np.array([normal(row, f"{name}attention.output.LayerNorm") for row in states + seen])
        inner = dense(states, f"{name}intermediate.dense")
        inner = np.vectorize(lambda x: x * 0.5 * (1 + math.erf(x / math.sqrt(2))))(inner)
        told = states + dense(inner, f"{name}output.dense")
        states = np.array([normal(row, f"{name}output.LayerNorm") for row in told])
    mean = states.mean(axis=0)
    return mean / np.linalg.norm(mean)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("The price is renewal?", [2, 9, 4, 10, 7, 8, 11, 3]),
        ("SEATS", [2, 5, 6, 3]),
        ("", [2, 3]),
        ("unknownword", [2, 1, 3]),
    ],
)
def test_a_vector_is_what_the_papers_say(model, text, ids):
    assert np.allclose(model.embed_query(text), by_the_paper(ids), atol=2e-5)


def test_texts_together_get_the_vectors_they_get_alone_in_their_order(model):
    texts = ["price", "the price is the price ? the seat", "", "seats renewal", "price"] * 3
    together = model.embed_documents(texts)
    assert np.allclose(together, [model.embed_query(text) for text in texts], atol=1e-5)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert model.embed_documents([]) == []


def test_a_text_too_long_is_cut(model):
    assert np.allclose(model.embed_query("price " * 1000), model.embed_query("price " * 254), atol=1e-6)


def test_many_tokens_are_worked_on_in_parts(model):
    texts = ["price seat " * 100] * 25
    vectors = np.array(model.embed_documents(texts))
    assert np.allclose(vectors, vectors[0], atol=1e-5)


def test_gelu_is_exact_enough():
    values = np.linspace(-8, 8, 4001, dtype=np.float32)
    exact = np.array([x * 0.5 * (1 + math.erf(x / math.sqrt(2))) for x in values.astype(float)])
    assert np.abs(gelu(values) - exact).max() < 1e-6


@pytest.mark.parametrize("missing", FILES)
def test_a_missing_file_is_named_with_its_setting(folder, tmp_path, missing):
    for name in FILES:
        if name != missing:
            (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(ConfigurationError, match=rf"TOOL_MINILM_DIR: {missing} not in "):
        MiniLmEmbeddings(tmp_path)


@pytest.mark.parametrize("damaged", FILES)
def test_a_damaged_file_is_a_wrong_set_up(folder, tmp_path, damaged):
    for name in FILES:
        (tmp_path / name).write_bytes(b"{}" if name == damaged else (folder / name).read_bytes())
    with pytest.raises(ConfigurationError, match=r"TOOL_MINILM_DIR: the model in .* cannot be used"):
        MiniLmEmbeddings(tmp_path)


def test_without_the_extra_the_command_is_named(monkeypatch):
    usual = builtins.__import__

    def without(wanted, *rest, **options):
        if wanted.split(".")[0] == "tokenizers":
            raise ImportError(wanted)
        return usual(wanted, *rest, **options)

    monkeypatch.delitem(sys.modules, "salesboost_tools.tools.knowledge.minilm")
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"pip install 'salesboost-tools\[minilm\]'"):
        import salesboost_tools.tools.knowledge.minilm  # noqa: F401


def test_its_vectors_are_told_from_another_models_by_its_files_and_not_by_its_folder(model, folder, tmp_path):
    for name in FILES:
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    assert MiniLmEmbeddings(tmp_path).model == model.model
    save_file(weights(seed=8), tmp_path / "model.safetensors")
    assert MiniLmEmbeddings(tmp_path).model != model.model


@pytest.mark.skipif(REAL not in os.environ, reason=f"{REAL} names no folder with the files of all-MiniLM-L6-v2")
def test_the_real_model_gives_its_published_vectors_and_finds_what_words_cannot(library, index):
    real = MiniLmEmbeddings(Path(os.environ[REAL]))
    published = [0.06765694, 0.06349577, 0.04871312]  # of "This is an example sentence", on the model's own page
    assert np.allclose(real.embed_query("This is an example sentence")[:3], published, atol=1e-5)
    library.write("cars", "## About\n\nThe automobile needs petrol.")
    library.write("food", "## About\n\nBread is baked in an oven.")
    index.ingest(library.folder)
    assert EmbeddingSearch(index, real).search("What does a vehicle run on?")[0].document == "cars"
