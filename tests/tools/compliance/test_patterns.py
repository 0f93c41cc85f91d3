"""The small language of patterns: what is written is found, and nothing can make it slow."""

import re
import re._parser as parser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.compliance.pattern import compiled, present_in

LISTS = {"result": ["results", "return*", "pay back"], "self": ["{self}"], "gap": ["a ..2 b"]}


def found(pattern, text):
    joined = "".join(f"{word} " for word in text.split())
    return [joined[start:end].strip() for start, end in compiled(pattern, LISTS).spans(joined)]


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("guarantee", "we guarantee it", ["guarantee"]),
        ("guarantee", "we guaranteed it", []),
        ("guarantee*", "we guaranteed it", ["guaranteed"]),
        ("(win|hit quota) now", "you hit quota now", ["hit quota now"]),
        ("a ..2 b", "a x y b", ["a x y b"]),
        ("a ..2 b", "a x y z b", []),
        ("a ..2 b", "a ¶ b", []),
        ("very? good", "good and very good", ["good", "very good"]),
        ("(no|zero)? risk", "zero risk", ["zero risk"]),
        ("{result} now", "pay back now", ["pay back now"]),
        ("<number> <percent>", "20 % off", ["20 %"]),
        ("<money> <number>", "$ 5000", ["$ 5000"]),
        ("password <code>", "password hunter22", ["password hunter22"]),
        ("password <code>", "password reset", []),
        ("now <end>", "act now ¶", ["now ¶"]),
        ("保证 ..2 收益", "我 们 保 证 高 收 益", ["保 证 高 收 益"]),
    ],
)
def test_a_pattern_finds_what_it_says(pattern, text, expected):
    assert found(pattern, text) == expected


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("(a|b", "not closed"),
        ("a)", "unmatched"),
        ("{nothing}", "no list 'nothing'"),
        ("{self}", "holds itself"),
        ("{gap}", "neither gaps"),
        ("..3", "nothing at all"),
        ("a? (b|c)?", "nothing at all"),
        ("?", "stands after"),
        ("a ..9 b", "8 words at most"),
        ("a ..8 b ..8 c ..8 d", "729 ways"),
        ("a.b", "no word"),
        ("((((((a))))))", "nested too deeply"),
    ],
)
def test_a_pattern_that_cannot_be_read_is_refused_with_the_reason(pattern, told):
    with pytest.raises(ConfigurationError, match=re.escape(told)):
        compiled(pattern, LISTS)


def unbounded_repeats(tree):
    """Yield the repetitions without an upper bound that may give characters back."""
    for operation, argument in tree:
        if operation in {parser.MAX_REPEAT, parser.MIN_REPEAT} and argument[1] == parser.MAXREPEAT:
            yield argument
        parts = argument if isinstance(argument, tuple | list) else (argument,)
        for part in parts:
            inner = part if isinstance(part, list) else [part]
            for each in inner:
                if isinstance(each, parser.SubPattern):
                    yield from unbounded_repeats(each)


def test_the_law_below_would_notice_a_slow_expression():
    assert list(unbounded_repeats(parser.parse("(?:a|(b+)+)")))
    assert not list(unbounded_repeats(parser.parse("a++(?:b{0,3}c)")))


def test_no_shipped_pattern_holds_a_repetition_that_could_be_slow(checker):
    patterns = list(checker.patterns)
    assert len(patterns) > 400
    for pattern in patterns:
        assert not list(unbounded_repeats(parser.parse(pattern.expression.pattern))), pattern.source


@given(st.lists(st.sampled_from(["a", "b", "guarantee", "guaranteed", "results", "¶", "returns"]), max_size=12))
def test_no_find_is_lost_by_looking_first_whether_a_pattern_may_be_there(words):
    joined = "".join(f"{word} " for word in words)
    for source in ("guarantee* ..2 {result}", "(a|b)? results", "a ..1 b", "..1 returns"):
        pattern = compiled(source, LISTS)
        assert pattern.may_be_in(present_in(words)) or not list(pattern.spans(joined))
