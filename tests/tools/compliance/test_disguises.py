"""Disguises are taken off, and every find points at the text as it was given."""

# ruff: noqa: RUF001  (look-alikes are what this is about)
import string
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from salesboost_tools.tools.compliance.characters import fold
from salesboost_tools.tools.compliance.tool import shipped_checker
from tests.tools.compliance.conftest import EVERYWHERE

CHECKER = shipped_checker()
SENTENCE = "We guarantee results."


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("ｇｕａｒａｎｔｅｅ", "guarantee"),
        ("𝐠𝐮𝐚𝐫𝐚𝐧𝐭𝐞𝐞", "guarantee"),
        ("ⓖⓤⓐⓡⓐⓝⓣⓔⓔ", "guarantee"),
        ("ɢᴜᴀʀᴀɴᴛᴇᴇ", "guarantee"),
        ("guаrаntее", "guarantee"),
        ("gυαrαntεε", "guarantee"),
        ("ĝüäŕàñţéê", "guarantee"),
        ("gu\u200bar\u200dan\u2060tee", "guarantee"),
        ("gua\u00adran\u00adtee", "guarantee"),
        ("g\u0336u\u0336a\u0336rantee", "guarantee"),
        ("gu4r4nt33", "guarantee"),
        ("gu@rant€€", "guarantee"),
        ("g.u.a.r.a.n.t.e.e", "guarantee"),
        ("g-u-a-r-a-n-t-e-e", "guarantee"),
        ("g_u_a_r_a_n_t_e_e", "guarantee"),
        ("g u a r a n t e e", "guarantee"),
        ("gua ran tee", "guarantee"),
        ("guaaaaranteeee", "guarantee"),
        ("gu*rantee", "guarantee"),
        ("garantee", "guarantee"),
        ("保 证", "保"),
        ("保證", "证"),
        ("baozheng", "证"),
        ("保zheng", "证"),
        ("".join(chr(0xE0000 + ord(letter)) for letter in "guarantee"), "guarantee"),
    ],
)
def test_a_word_is_read_through_its_disguise(text, word, checker):
    assert word in checker.words(text)


@pytest.mark.parametrize("text", ["B2B", "24/7 support", "v2.4", "the 1st of May", "10x", "ISO 27001", "co-founder"])
def test_ordinary_digits_and_signs_stay_what_they_are(text, checker):
    assert checker.finds(text, EVERYWHERE) == []


def test_a_find_is_the_span_of_the_text_as_it_was_given(checker):
    disguised = "Hello Dana. W\u200be g.u.a.r.a.n.t.e.e ｒｅｓｕｌｔｓ, promised. Bye."
    (find,) = [each for each in checker.finds(disguised, EVERYWHERE) if each.rule.id == "GUA-OUTCOME"]
    assert disguised[slice(*find.span)] == "g.u.a.r.a.n.t.e.e ｒｅｓｕｌｔｓ"
    assert disguised[slice(*find.sentence)] == "W\u200be g.u.a.r.a.n.t.e.e ｒｅｓｕｌｔｓ, promised."


@given(st.text(max_size=200))
@example("İ" * 3 + "ﷺ")
def test_every_folded_character_knows_its_place(text):
    folded = fold(text)
    assert len(folded.text) == len(folded.starts) == len(folded.ends)
    assert list(folded.starts) == sorted(folded.starts)
    assert all(0 <= start < end <= len(text) for start, end in zip(folded.starts, folded.ends, strict=True))


@given(st.text(alphabet=string.ascii_lowercase + string.digits + " .,!?'-", max_size=200))
def test_plain_text_is_folded_to_itself(text):
    assert fold(text).text == text


@given(st.text(alphabet=st.characters(max_codepoint=0x2FFF), max_size=60))
def test_any_text_can_be_checked_and_every_span_lies_within_it(text):
    for find in CHECKER.finds(f"{text} {SENTENCE} {text}", EVERYWHERE):
        whole = len(f"{text} {SENTENCE} {text}")
        assert 0 <= find.sentence[0] <= find.span[0] < find.span[1] <= find.sentence[1] <= whole


@given(
    st.lists(st.sampled_from([chr(code) for code in range(0x300, 0x370)] + ["\u200b", "\u200d", "\ufeff"]), max_size=30)
)
def test_characters_that_are_not_seen_never_hide_a_find(marks):
    text = "g" + "".join(marks) + "uarantee results"
    assert all(unicodedata.category(mark) in {"Mn", "Cf"} for mark in marks)
    assert CHECKER.finds(text, EVERYWHERE)
