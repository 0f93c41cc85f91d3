"""Contexts as vectors: a coordinate per word and number, numbers standardised, nothing that upsets a model."""

import json
import math

import numpy as np
import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.selection.encoder import Encoder


def test_words_and_flags_take_a_coordinate_per_value():
    encoder = Encoder()
    contexts = [{"stage": "new"}, {"stage": "won"}, {"urgent": True}, {"urgent": False}, {"region": "new"}]
    vectors = encoder.encode_all(contexts)
    assert vectors[:, 0].tolist() == [1] * 5
    assert vectors.sum(axis=1).tolist() == [2] * 5
    assert vectors.sum(axis=0)[1:6].tolist() == [1] * 5  # each its own
    assert encoder.encode({"stage": "won", "urgent": True}).tolist() == [1, 0, 1, 1, 0, 0, 0, 0]


def test_numbers_are_standardised_as_they_come():
    encoder, values = Encoder(), [3.0, 7, 4.5, 12, 9.25]
    told = encoder.encode_all([{"employees": value} for value in values])[:, 1]
    assert told[0] == 0
    for number in range(1, len(values)):
        seen = np.array(values[: number + 1])
        assert told[number] == pytest.approx((seen[-1] - seen.mean()) / seen.std())
    assert encoder.encode({"employees": 20})[1] == pytest.approx((20 - np.mean(values)) / np.std(values))
    assert encoder.encode({"employees": 20})[1] == encoder.encode({"employees": 20})[1]  # asking teaches nothing


def test_a_number_far_off_counts_as_four_deviations():
    encoder = Encoder()
    encoder.encode_all([{"amount": value} for value in (1, 2, 3)])
    assert encoder.encode({"amount": 1e9})[1] == 4
    assert encoder.encode({"amount": -1e9})[1] == -4


@pytest.mark.parametrize(
    "value",
    [None, math.nan, math.inf, -math.inf, 1e200, 10**400, -(10**400), ["a"], {"a": 1}, b"a", 1j, "x" * 65],
    ids=lambda value: repr(value)[:12],
)
def test_what_no_model_could_use_is_left_out(value):
    encoder = Encoder()
    encoder.encode_all([{"odd": 2.0, "stage": "new"}])
    vectors = encoder.encode_all([{"odd": value, "stage": "new"}, {"odd": 2.0, "stage": "new"}])
    assert vectors[0].tolist() == [1, 0, 1, 0, 0, 0, 0, 0]
    assert vectors[1].tolist() == vectors[0].tolist()  # and it has moved no mean


def test_vectors_grow_by_powers_of_two_and_what_was_told_keeps_its_place():
    encoder = Encoder(max_dimensions=64)
    before = encoder.encode({"stage": "new", "size": 1.0})
    for number in range(300):
        encoder.encode({f"word {number}": "yes"})
        assert encoder.dimensions in (8, 16, 32, 64)
    after = encoder.encode({"stage": "new", "size": 1.0})
    assert len(after) == 64
    assert after[:8].tolist() == before.tolist()
    assert not after[8:].any()


def test_features_without_a_coordinate_of_their_own_share_the_last_eight():
    encoder = Encoder(max_dimensions=16)
    for number in range(7):
        encoder.encode({"id": f"{number}"})
    shared = [encoder.encode({"id": f"{number}"}) for number in range(7, 200)]
    assert all(not vector[1:8].any() for vector in shared)
    assert {int(vector[8:].argmax()) for vector in shared} == set(range(8))
    assert encoder.encode({"id": "7"}).tolist() == shared[0].tolist()
    assert len(encoder.dump()["words"]) == 7  # an endless stream of ids is not remembered


def test_contexts_of_one_batch_have_one_length():
    vectors = Encoder().encode_all([{"a": "x"}, {f"b{number}": "x" for number in range(20)}, {}])
    assert vectors.shape == (3, 32)
    assert vectors[2].tolist() == [1] + [0] * 31


def test_numbers_without_end_are_followed_up_to_a_bound():
    encoder = Encoder(max_dimensions=16)
    for number in range(1000):
        encoder.encode({f"n{number}": 1.0}, learn=True)
    assert len(encoder.dump()["numbers"]) == 4 * 16
    assert encoder.encode({"n999": 5.0}).tolist() == [1] + [0] * 15


def test_what_was_dumped_encodes_alike():
    encoder = Encoder(max_dimensions=16)
    contexts = [{"stage": f"s{number % 5}", "size": number * 1.5, f"n{number}": -2} for number in range(12)]
    encoder.encode_all(contexts)
    again = Encoder(max_dimensions=16)
    again.load(json.loads(json.dumps(encoder.dump())))
    fresh = {"stage": "s9", "size": 4, "other": True}
    assert [again.encode(each).tolist() for each in [*contexts, fresh]] == [
        encoder.encode(each).tolist() for each in [*contexts, fresh]
    ]


@pytest.mark.parametrize("max_dimensions", [0, 15])
def test_too_short_vectors_are_refused(max_dimensions):
    with pytest.raises(ConfigurationError, match=f"16 or more; got {max_dimensions}"):
        Encoder(max_dimensions)
