"""What goes into an envelope comes out equal and of the same type, or does not go in; nothing else comes out at all."""

import enum
import json
from collections import OrderedDict
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("orjson", reason="the extra `redis` is not installed")

from langchain_core.documents import Document
from langchain_core.messages import ToolMessage
from pydantic import BaseModel

from salesboost_tools.state.envelope import NotStorableError, Sealed, seal, unseal

TEXT = st.text(st.characters(codec="utf-8"))
ZONES = st.none() | st.builds(timezone, st.timedeltas(timedelta(hours=-23), timedelta(hours=23)))
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
    | st.binary()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.datetimes(timezones=ZONES)
    | st.dates()
    | st.uuids()
)
NAIVE = datetime(2026, 10, 25, 2, 30)  # noqa: DTZ001  (a time without a zone is a value too)
KEYS = TEXT | st.sampled_from(["$", "v", "$v"])


def _containers(inner):
    documents = st.builds(
        lambda text, metadata, identity: Document(page_content=text, metadata=metadata, id=identity),
        TEXT,
        st.dictionaries(KEYS, inner, max_size=3),
        st.none() | TEXT,
    )
    return (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=4)
        | documents
    )


VALUES = st.recursive(PLAIN, _containers, max_leaves=20)


def same(left, right):
    """Equal in value and in type, all the way down; -0.0 is not 0.0, and 12:00 UTC is not 13:00 in Berlin."""
    if type(left) is not type(right):
        return False
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(map(same, left.values(), right.values()))
    if isinstance(left, Document):
        return (left.page_content, left.id) == (right.page_content, right.id) and same(left.metadata, right.metadata)
    return repr(left) == repr(right)


@settings(deadline=None)
@given(VALUES)
def test_what_goes_in_comes_out(value):
    sealed = unseal(seal(value, "cache", (1, 2)), "cache")
    assert sealed is not None
    assert same(value, sealed.value)
    assert sealed.notes == [1, 2]


class Colour(enum.StrEnum):
    RED = "red"


class Pair(NamedTuple):
    left: int
    right: int


class Lead(BaseModel):
    name: str = "Acme"


def a_cycle():
    value = []
    value.append(value)
    return value


def deep(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        2**63,
        -(2**63) - 1,
        float("nan"),
        float("inf"),
        Decimal("NaN"),
        Decimal("Infinity"),
        "\ud800",
        {1: "a"},
        {True: "a"},
        {None: 1},
        {1, 2},
        frozenset(),
        Colour.RED,
        Lead(),
        OrderedDict(a=1),
        Pair(1, 2),
        type("Text", (str,), {})("a"),
        time(12),
        timedelta(1),
        datetime(2026, 6, 30, 12, tzinfo=ZoneInfo("Europe/Berlin")),
        datetime(2026, 6, 30, 12, tzinfo=timezone(timedelta(hours=1), "Berlin")),
        bytearray(b"a"),
        1j,
        object(),
        print,
        ToolMessage("text", tool_call_id="1"),
        type("Note", (Document,), {})(page_content="a"),
        Document.model_construct(page_content=b"raw", metadata={}),
        Document(page_content="a", metadata={"seen": {1}}),
        a_cycle(),
        deep(5000),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: {"in": [value, (value,)]}], ids=["bare", "inside"])
def test_what_would_not_come_back_as_it_was_does_not_go_in(value, wrap):
    with pytest.raises(NotStorableError):
        seal(wrap(value), "cache")


def test_an_utc_time_stays_one():
    now = datetime(2026, 6, 30, 9, tzinfo=UTC)
    assert unseal(seal(now, "cache"), "cache").value.tzinfo is UTC


def test_the_second_of_two_equal_wall_clock_times_stays_the_second():
    assert unseal(seal(NAIVE.replace(fold=1), "cache"), "cache").value.fold == 1


@settings(deadline=None)
@given(st.binary())
def test_garbage_is_nothing(stored):
    assert unseal(stored, "cache") is None


@settings(deadline=None)
@given(VALUES, st.data())
def test_what_was_cut_short_is_nothing(value, data):
    sealed = seal(value, "cache")
    assert unseal(sealed[: data.draw(st.integers(0, len(sealed) - 1))], "cache") is None


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "$", "uuid", "a"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["$", "v", "a"]), inner, max_size=3)
        | st.builds(
            lambda name, data: {"$": name, "v": data},
            st.sampled_from(["dict", "tuple", "bytes", "decimal", "datetime", "date", "uuid", "document", "os.system"]),
            inner,
        )
    ),
    max_leaves=10,
)


@settings(deadline=None)
@given(JSON, JSON)
def test_whatever_somebody_else_wrote_makes_no_call_fail(data, notes):
    for envelope in (
        data,
        [1, "cache", True, [], data],
        [1, "cache", 1, notes, data],
        [1, "cache", True, [1, 2], data],
    ):
        found = unseal(json.dumps(envelope).encode(), "cache")
        assert found is None or isinstance(found, Sealed)


def test_a_type_that_is_not_on_the_list_is_nothing():
    assert unseal(b'[1,"cache",true,[],{"$":"os.system","v":"true"}]', "cache") is None


def test_nesting_too_deep_to_read_is_nothing():
    assert unseal(b'[1,"cache",true,[],' + b"[" * 100 + b"]" * 100 + b"]", "cache") is not None
    assert unseal(b'[1,"cache",true,[],' + b"[" * 90_000 + b"]" * 90_000 + b"]", "cache") is None


@pytest.mark.parametrize(
    "envelope",
    [
        [2, "cache", False, [], 1],
        ["1", "cache", False, [], 1],
        [1, "record", False, [], 1],
        [1, "cache", False, [1.5], 1],
    ],
)
def test_another_version_or_kind_is_nothing(envelope):
    assert unseal(json.dumps(envelope).encode(), "cache") is None


def test_every_type_that_is_shared_is_in_the_examples():
    value = [None, True, 1, 1.5, "a", b"a", (), [], {}, Decimal(1), NAIVE, date.min, UUID(int=1)]
    assert same(unseal(seal([*value, Document(page_content="a")], "cache"), "cache").value[:-1], value)
