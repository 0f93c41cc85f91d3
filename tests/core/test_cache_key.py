"""Two requests have the same key exactly if they are equal; whoever asks is part of the request."""
# ruff: noqa: DTZ001  (times without a zone are among the values)

import dataclasses
import functools
import re
import subprocess
import sys
from collections import OrderedDict, defaultdict
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum, Flag, IntEnum, IntFlag, StrEnum
from pathlib import PurePosixPath, PureWindowsPath
from types import MappingProxyType
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AnyUrl, BaseModel, ConfigDict, PrivateAttr, RootModel, SecretStr, TypeAdapter

from salesboost_tools.core.cache_key import cache_key


def key_of(value):
    return cache_key("tool", "tenant", "user", {"value": value})


# ---------------------------------------------------------------- the law

PLAIN = st.one_of(
    st.sampled_from(
        [None, True, False, 0, 1, -1, 1.0, 0.0, -0.0, "", "1", "True", "n", "s1:a", "a", b"", b"a", 10**30]
    ),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(st.characters(), max_size=4),  # lone surrogates too
    st.binary(max_size=4),
    st.decimals(allow_nan=False, places=2),
    st.dates(),
    st.datetimes(timezones=st.sampled_from([None, UTC, timezone(timedelta(hours=1)), ZoneInfo("Europe/Berlin")])),
    st.times(),
    st.timedeltas(),
    st.uuids(),
)
HASHABLE = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=3)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(HASHABLE, inner, max_size=3),
        st.sets(HASHABLE, max_size=3),
        st.frozensets(HASHABLE, max_size=3),
    ),
    max_leaves=8,
)


def shape(value):
    """Return what makes a value equal to another in type and content, all the way down."""
    kind = type(value)
    if kind is dict:
        return kind, frozenset((shape(name), shape(item)) for name, item in value.items())
    if kind in (list, tuple):
        return kind, tuple(shape(item) for item in value)
    if kind in (set, frozenset):
        return kind, frozenset(shape(item) for item in value)
    return kind, repr(value)


def rebuilt(value):
    """Return an equal value with every mapping and set filled in the opposite sequence."""
    if isinstance(value, dict):
        return {rebuilt(name): rebuilt(item) for name, item in reversed(value.items())}
    if isinstance(value, list | tuple):
        return type(value)(rebuilt(item) for item in value)
    if isinstance(value, set | frozenset):
        return type(value)(rebuilt(item) for item in reversed(list(value)))
    return value


@given(VALUES)
def test_an_equal_request_has_the_same_key_whatever_the_sequence_of_its_names(value):
    assert key_of(rebuilt(value)) == key_of(value)
    assert key_of(value) is not None


@given(VALUES, VALUES)
def test_two_requests_have_the_same_key_only_if_they_are_equal(one, other):
    assert (key_of(one) == key_of(other)) == (shape(one) == shape(other))


SMALL = st.recursive(
    st.sampled_from([None, True, 1, 1.0, "1", "", b"1"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.lists(inner, max_size=2).map(tuple),
        st.dictionaries(st.sampled_from([1, "1", None, ""]), inner, max_size=2),
    ),
    max_leaves=3,
)


@given(SMALL, SMALL)
def test_two_small_requests_have_the_same_key_only_if_they_are_equal(one, other):
    """The same law where pairs are often equal, or nearly so."""
    assert (key_of(one) == key_of(other)) == (shape(one) == shape(other))


OWNERS = st.one_of(st.none(), st.text(max_size=3), st.sampled_from(["", "n", "nn", "s1:a", "1:a", "a", ":", "None"]))


@given(st.tuples(OWNERS, OWNERS, SMALL), st.tuples(OWNERS, OWNERS, SMALL))
def test_no_two_owners_ever_share_a_key(one, other):
    keys = [cache_key("tool", tenant, user, {"value": value}) for tenant, user, value in (one, other)]
    assert (keys[0] == keys[1]) == (one[:2] == other[:2] and shape(one[2]) == shape(other[2]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ab", "c"), ("a", "bc")),
        (("", "a"), ("a", "")),
        ((None, "a"), ("a", None)),
        ((None, None), ("None", "None")),
        (("n", None), (None, "n")),
        (("s1:a", "b"), ("s", "1:ab")),
        (("a", None), ("a", "")),
    ],
)
def test_owners_whose_names_run_together_are_kept_apart(one, other):
    assert cache_key("tool", *one, {}) != cache_key("tool", *other, {})


def test_two_tools_never_share_a_key():
    assert cache_key("a", None, None, {}) != cache_key("b", None, None, {})
    assert cache_key("a", None, None, {}) != cache_key("a:b", None, None, {})


# ---------------------------------------------------------------- the form of a key


def test_a_key_shows_the_tool_and_nothing_of_the_request():
    key = cache_key("crm", "acme", "dana", {"query": "secret"})
    assert key is not None
    assert re.fullmatch(r"crm:[0-9a-f]{32}", key)


def test_a_key_is_the_same_in_every_process():
    script = (
        "from salesboost_tools.core.cache_key import cache_key;"
        "print(cache_key('crm', 't', 'u', {'names': {'b', 'a', 'c'}, 'limit': 5}))"
    )
    keys = {
        subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert keys == {cache_key("crm", "t", "u", {"names": {"a", "b", "c"}, "limit": 5})}


# ---------------------------------------------------------------- what JSON would mix up


class Colour(Enum):
    RED = 1
    CRIMSON = 1  # noqa: PIE796  (another name for the same)
    BLUE = 2


class Shade(Enum):
    RED = 1


class Number(IntEnum):
    ONE = 1


class Word(StrEnum):
    ONE = "1"


class Bits(Flag):
    A = 1
    B = 2


class OpenBits(IntFlag):
    A = 1


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Spot:
    x: int
    y: int = 0


class Person(BaseModel):
    name: str
    age: int | None = None

    @functools.cached_property
    def shout(self) -> str:
        return self.name.upper()


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Other(Open):
    pass


class Keeper(BaseModel):
    _secret: int = PrivateAttr(default=0)


class Names(RootModel[list[str]]):
    pass


def keeper(secret):
    made = Keeper()
    made._secret = secret
    return made


DIFFERENT = [
    ({1: "x"}, {"1": "x"}),
    (True, 1),
    (1, 1.0),
    (0.0, -0.0),
    (None, "None"),
    ("1", 1),
    ("a", b"a"),
    ([1], (1,)),
    ({1}, frozenset({1})),
    ({1}, [1]),
    ([], {}),
    ([[1], 2], [[1, 2]]),
    (date(2026, 6, 30), "2026-06-30"),
    (date(2026, 6, 30), datetime(2026, 6, 30)),
    (datetime(2026, 6, 30), datetime(2026, 6, 30, tzinfo=UTC)),
    (datetime(2026, 10, 25, 2, 30), datetime(2026, 10, 25, 2, 30, fold=1)),
    (
        datetime(2026, 6, 30, tzinfo=timezone(timedelta(hours=2))),
        datetime(2026, 6, 30, tzinfo=ZoneInfo("Europe/Berlin")),
    ),
    (time(1, 2), time(1, 2, tzinfo=UTC)),
    (time(1, 2), time(1, 2, fold=1)),
    (timedelta(seconds=1), 1.0),
    (Decimal("1.0"), Decimal("1.00")),
    (Decimal(1), 1),
    (UUID(int=1), str(UUID(int=1))),
    ("\ud83d\ude00", "😀"),
    ("\ud800", "\udfff"),
    ("é", "e\u0301"),
    (Colour.RED, Colour.BLUE),
    (Colour.RED, Shade.RED),
    (Number.ONE, 1),
    (Word.ONE, "1"),
    (Bits.A, Bits.A | Bits.B),
    (OpenBits(8), OpenBits(16)),
    (OpenBits(1), 1),
    (Point(1), Point(2)),
    (Point(1), Spot(1)),
    (Point(1), {"x": 1, "y": 0}),
    (Person(name="a"), Person(name="b")),
    (Person(name="a"), {"name": "a", "age": None}),
    (Open(a=1), Open(a=2)),
    (Open(a=1), Other(a=1)),
    (keeper(1), keeper(2)),
    (Names(["a"]), ["a"]),
    (OrderedDict(a=1, b=2), OrderedDict(b=2, a=1)),
    (OrderedDict(a=1), {"a": 1}),
    (PurePosixPath("a"), PureWindowsPath("a")),
    (PurePosixPath("a"), "a"),
    (AnyUrl("http://a.example/"), "http://a.example/"),
    (AnyUrl("http://a.example/"), AnyUrl("http://b.example/")),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT, ids=lambda value: type(value).__name__)
def test_values_that_mean_different_things_have_different_keys(one, other):
    assert None not in (key_of(one), key_of(other))
    assert key_of(one) != key_of(other)
    assert key_of([one]) != key_of([other])


EQUAL = [
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ({"a": {"c": 1, "d": 2}}, {"a": {"d": 2, "c": 1}}),
    ({3, 1, 2}, {2, 3, 1}),
    (Colour.RED, Colour.CRIMSON),
    (Bits.A | Bits.B, Bits(3)),
    (Point(1), Point(1, 0)),
    (Person(name="a"), Person(name="a", age=None)),
    (keeper(1), keeper(1)),
    (Open(a=1, b=2), Open(b=2, a=1)),
    (MappingProxyType({"a": 1, "b": 2}), MappingProxyType({"b": 2, "a": 1})),
    (defaultdict(list, a=[1]), defaultdict(list, a=[1])),
    (10**40, 10**40),
    (float("inf"), float("inf")),
]


@pytest.mark.parametrize(("one", "other"), EQUAL, ids=lambda value: type(value).__name__)
def test_values_that_mean_the_same_have_the_same_key(one, other):
    assert key_of(one) == key_of(other)
    assert key_of(one) is not None


def test_what_a_model_has_worked_out_for_itself_does_not_change_its_key():
    fresh, used = Person(name="a"), Person(name="a")
    assert used.shout == "A"
    assert key_of(fresh) == key_of(used)


def test_arguments_validated_from_json_have_a_key():
    moment = TypeAdapter(datetime).validate_json('"2026-06-30T09:00:00Z"')
    assert key_of(moment) == key_of(TypeAdapter(datetime).validate_json('"2026-06-30T09:00:00Z"'))
    assert key_of(moment) is not None


# ---------------------------------------------------------------- what has no key


class Nameless(tzinfo):
    """A time zone that shows nothing but its address."""

    def utcoffset(self, when):
        return timedelta(0)


class Unset:
    pass


@dataclasses.dataclass(slots=True)
class HalfMade:
    x: int = dataclasses.field(init=False)


class Texty(str):
    """Says more than its text, perhaps."""

    __slots__ = ()


NO_KEY = [
    float("nan"),
    [1, [float("nan")]],
    Decimal("NaN"),
    Decimal("sNaN"),
    Unset(),
    {Unset(): 1},
    {"a": Unset()},
    Unset,
    Point,
    Texty("a"),
    range(3),
    bytearray(b"a"),
    memoryview(b"a"),
    1j,
    (item for item in [1]),
    len,
    SecretStr("s"),
    HalfMade(),
    datetime(2026, 6, 30, tzinfo=Nameless()),
    Person.model_construct(name=Unset()),
]


@pytest.mark.parametrize("value", NO_KEY, ids=lambda value: type(value).__name__)
def test_a_value_without_a_canonical_form_has_no_key(value):
    assert key_of(value) is None


def test_a_value_that_holds_itself_has_no_key():
    endless: list = []
    endless.append(endless)
    assert key_of(endless) is None


def test_a_value_too_deep_to_look_through_has_no_key():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    assert key_of(deep) is None
