"""A token bucket admits its capacity and what has been refilled since; never more, never less."""

import dataclasses
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from salesboost_tools.core.clock import nanoseconds
from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.rate import Bucket, RateLimit, as_rate_limit, due_after, fit, seconds_to_wait, tokens_left

PERIODS_S = st.one_of(
    st.sampled_from([1e-9, 1e-6, 0.1, 0.49, 1.0, 60.0, 3600.0, 86400.0, 1e9]),
    st.floats(min_value=1e-9, max_value=1e9),
)
LIMITS = st.builds(lambda calls, per_s: RateLimit(calls=calls, per_s=per_s), st.integers(1, 12), PERIODS_S)

STARTS_NS = st.integers(-(10**18), 2 * 10**18)


class Tap:
    """Takes from one bucket the way a store does: compares, and keeps the due time of what was admitted."""

    def __init__(self, bucket: Bucket):
        self.bucket = bucket
        self.due_at_ns: int | None = None

    def take(self, now_ns: int, tokens: int = 1) -> int:
        due_ns = due_after(self.bucket, self.due_at_ns, now_ns, tokens)
        wait_ns = due_ns - self.bucket.tolerance_ns - now_ns
        if wait_ns <= 0:
            self.due_at_ns = due_ns
        return max(0, wait_ns)


# ---------------------------------------------------------------- reading a limit


@pytest.mark.parametrize("gap", ["/", " / ", " per ", "per "])
@pytest.mark.parametrize(
    ("unit", "per_s"),
    [(name, 1.0) for name in ("s", "sec", "secs", "second", "seconds", "SECOND")]
    + [(name, 60.0) for name in ("m", "min", "mins", "minute", "minutes", "Minute")]
    + [(name, 3600.0) for name in ("h", "hr", "hrs", "hour", "hours")]
    + [(name, 86400.0) for name in ("d", "day", "days")],
)
def test_a_limit_is_read_from_text(gap, unit, per_s):
    assert RateLimit(f"10{gap}{unit}") == RateLimit(calls=10, per_s=per_s)


@pytest.mark.parametrize(
    ("text", "calls", "per_s"),
    [
        ("5/30s", 5, 30.0),
        ("5 per 30 seconds", 5, 30.0),
        ("1/0.25s", 1, 0.25),
        ("100/2 hours", 100, 7200.0),
        ("3/1.5e-7s", 3, 1.5e-7),
        ("  20 per hour ", 20, 3600.0),
    ],
)
def test_a_period_may_have_a_length(text, calls, per_s):
    limit = RateLimit(text)
    assert (limit.calls, limit.per_s) == (calls, per_s)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10",
        "ten/minute",
        "10/",
        "10/fortnight",
        "10/100ms",
        "10/ss",
        "10 a minute",
        "10perminute",
        "-1/minute",
        "1.5/minute",
        "10/minute!",
        "10/minute/hour",
        "9" * 5000 + "/minute",
        "１０/minute",  # noqa: RUF001  (full-width digits are digits, too, for an unwary parser)
        10,
        b"10/minute",
    ],
    ids=lambda text: repr(text)[:20],
)
def test_text_that_cannot_be_read_is_refused_with_what_can(text):
    with pytest.raises(ConfigurationError) as refused:
        RateLimit(text)
    for allowed in ("10/minute", "5/30s", "second, minute, hour or day"):
        assert allowed in str(refused.value)


@pytest.mark.parametrize("calls", [0, -1, 1.5, True, "10", None])
def test_calls_are_a_whole_number_above_zero(calls):
    with pytest.raises(ConfigurationError, match="calls >= 1"):
        RateLimit(calls=calls, per_s=60)


@pytest.mark.parametrize("per_s", [0, -1, 1e-10, 1e10, float("nan"), float("inf"), "60", None])
def test_a_period_is_seconds_within_reason(per_s):
    with pytest.raises(ConfigurationError, match="1e-9 to 1e9 seconds"):
        RateLimit(calls=10, per_s=per_s)


@pytest.mark.parametrize("text", ["0/minute", "10/0s", "10/99999999999s"])
def test_numbers_in_a_text_have_the_same_bounds(text):
    with pytest.raises(ConfigurationError, match="a rate limit needs"):
        RateLimit(text)


def test_a_limit_is_given_in_one_way_only():
    with pytest.raises(ConfigurationError, match="not as both"):
        RateLimit("10/minute", calls=5)
    with pytest.raises(ConfigurationError, match="not as both"):
        RateLimit(10, 60)


def test_a_limit_given_as_text_or_as_itself_is_a_limit():
    limit = RateLimit("10/minute")
    assert as_rate_limit(limit) is limit
    assert as_rate_limit("10/minute") == limit
    for wrong in (10, None, ("10/minute",)):
        with pytest.raises(ConfigurationError):
            as_rate_limit(wrong)


# ---------------------------------------------------------------- a value


def test_equal_limits_are_equal_values_however_they_were_written():
    one, other = RateLimit("10/minute"), RateLimit(calls=10, per_s=60)
    assert one == other
    assert hash(one) == hash(other)
    assert {one: "found"}[other] == "found"
    assert one != RateLimit("10/hour")


def test_a_limit_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        RateLimit("10/minute").calls = 1000


def test_a_limit_can_be_replaced():
    assert dataclasses.replace(RateLimit("10/minute"), calls=5) == RateLimit("5/minute")


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (RateLimit("10/min"), "10/minute"),
        (RateLimit("20 per hours"), "20/hour"),
        (RateLimit("5/30s"), "5/30s"),
        (RateLimit("1/90min"), "1/5400s"),
        (RateLimit(calls=3, per_s=0.25), "3/0.25s"),
        (RateLimit(calls=1, per_s=1_234_567.5), "1/1234567.5s"),
    ],
)
def test_a_limit_shows_itself_in_its_short_form(limit, text):
    assert str(limit) == text


@given(st.integers(1, 10**18 - 1), PERIODS_S)
@example(1, 1e-9)
@example(7, 100_000.5)
@example(1, 0.0006277811593483207)
def test_the_short_form_can_be_read_back(calls, per_s):
    limit = RateLimit(calls=calls, per_s=per_s)
    assert RateLimit(str(limit)) == limit


# ---------------------------------------------------------------- the bucket of a limit


@given(st.integers(1, 10**6), PERIODS_S)
def test_a_bucket_never_refills_faster_than_its_limit_says(calls, per_s):
    bucket = RateLimit(calls=calls, per_s=per_s).bucket
    assert bucket.capacity == calls
    assert bucket.interval_ns >= 1
    # a float holds the period to 16 digits, and so the bucket's refill is right to 15
    assert bucket.interval_ns * calls >= Fraction(per_s) * 10**9 * (1 - Fraction(1, 10**15))
    assert bucket.tolerance_ns == bucket.interval_ns * bucket.capacity


@pytest.mark.parametrize(("text", "interval_ns"), [("10/minute", 6 * 10**9), ("1/s", 10**9), ("3/s", 333_333_334)])
def test_the_interval_is_the_period_shared_out_and_rounded_up(text, interval_ns):
    assert RateLimit(text).bucket == Bucket(RateLimit(text).calls, interval_ns)


# ---------------------------------------------------------------- the laws


@st.composite
def arrivals(draw):
    """A limit, a starting time in ns (negative too), and calls: how long after the last one, how many tokens."""
    limit = draw(LIMITS)
    interval_ns = limit.bucket.interval_ns
    gap_ns = st.one_of(
        st.just(0),
        st.integers(0, interval_ns),
        st.integers(0, 3 * interval_ns),
        st.integers(0, 2 * limit.bucket.tolerance_ns),
    )
    calls = draw(st.lists(st.tuples(gap_ns, st.integers(1, limit.calls)), min_size=1, max_size=40))
    return limit, draw(STARTS_NS), calls


@given(arrivals())
def test_in_any_window_no_more_is_admitted_than_capacity_and_refill(pattern):
    limit, now_ns, calls = pattern
    tap, admitted = Tap(limit.bucket), []
    for gap_ns, tokens in calls:
        now_ns += gap_ns
        if tap.take(now_ns, tokens) == 0:
            admitted.append((now_ns, tokens))
    rate = Fraction(1, limit.bucket.interval_ns)
    for first, (begin_ns, _) in enumerate(admitted):
        taken = 0
        for end_ns, tokens in admitted[first:]:
            taken += tokens
            assert taken <= limit.calls + rate * (end_ns - begin_ns)


@given(arrivals())
def test_whoever_is_refused_passes_after_exactly_the_wait_and_not_a_nanosecond_before(pattern):
    limit, now_ns, calls = pattern
    tap = Tap(limit.bucket)
    for gap_ns, tokens in calls:
        now_ns += gap_ns
        wait_ns = tap.take(now_ns, tokens)
        if wait_ns:
            assert tap.take(now_ns + wait_ns - 1, tokens) == 1
            now_ns += wait_ns
            assert tap.take(now_ns, tokens) == 0


@given(LIMITS, STARTS_NS)
@example(RateLimit("1/s"), 0)
@example(RateLimit("1/s"), -1)
def test_a_key_never_seen_passes_up_to_the_whole_capacity(limit, now_ns):
    for tokens in range(1, limit.calls + 1):
        assert Tap(limit.bucket).take(now_ns, tokens) == 0


@given(LIMITS, STARTS_NS, st.integers(0, 10**20))
def test_a_bucket_that_has_filled_up_is_as_one_never_seen(limit, now_ns, rest_ns):
    bucket = limit.bucket
    due_ns = due_after(bucket, None, now_ns, limit.calls)
    assert due_after(bucket, due_ns, due_ns + rest_ns) == due_after(bucket, None, due_ns + rest_ns)


def test_no_fraction_of_a_token_is_lost():
    tap, admitted = Tap(RateLimit("10/minute").bucket), 0
    for second in range(0, 3600, 4):
        admitted += tap.take(second * 10**9) == 0
    assert admitted == 10 + 3596 * 10 // 60  # the burst, and what an hour minus the last step refills


# ---------------------------------------------------------------- tokens and waits


@pytest.mark.parametrize("tokens", [0, -1, 11])
def test_tokens_that_no_full_bucket_could_serve_are_refused(tokens):
    with pytest.raises(ConfigurationError, match="1 to 10 tokens"):
        fit(RateLimit("10/minute").bucket, tokens)


@pytest.mark.parametrize("tokens", [1, 10])
def test_tokens_that_a_full_bucket_can_serve_are_fine(tokens):
    assert fit(RateLimit("10/minute").bucket, tokens) == tokens


@given(st.floats(-1e9, 3e9), st.integers(1, 10**18))
@example(1.7e9, 6 * 10**9)
@example(1.7e9, 1)
@example(1e6, 999)
@example(0.0, 10**18)
def test_a_wait_in_seconds_is_enough_on_a_clock_of_floats_and_less_than_three_microseconds_too_long(now_s, wait_ns):
    waited_ns = nanoseconds(now_s + seconds_to_wait(wait_ns)) - nanoseconds(now_s)
    assert wait_ns <= waited_ns < wait_ns + 3000


@given(
    capacity=st.integers(1, 50),
    interval_ns=st.integers(1, 10**12),
    taken=st.integers(0, 50),
    wait_ns=st.integers(0, 10**13),
)
def test_as_many_tokens_as_are_left_can_be_taken_and_not_one_more(capacity, interval_ns, taken, wait_ns):
    bucket, now_ns = Bucket(capacity, interval_ns), 10**15
    due_at_ns = due_after(bucket, None, now_ns, min(taken, capacity)) if taken else None
    now_ns += wait_ns
    left = tokens_left(bucket, due_at_ns, now_ns)
    admitted = [
        tokens
        for tokens in range(1, capacity + 1)
        if due_after(bucket, due_at_ns, now_ns, tokens) <= now_ns + bucket.tolerance_ns
    ]
    assert left == len(admitted)
