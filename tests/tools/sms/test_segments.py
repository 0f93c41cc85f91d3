"""A text becomes exactly as many SMS as the network makes of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesboost_tools.tools.sms.segments import BASIC, EXTENSION, not_in_gsm7, segments_of

BASIC_TABLE = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)


def test_the_alphabet_has_127_characters_and_its_extension_ten():
    assert len(BASIC) == 127 == len(BASIC_TABLE)  # the 128th place is the escape itself
    assert set(BASIC_TABLE) == BASIC
    assert len(EXTENSION) == 10
    assert not BASIC & EXTENSION


@pytest.mark.parametrize(
    ("text", "encoding", "units", "count"),
    [
        ("", "GSM-7", 0, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        ("a" * 159 + "{", "GSM-7", 161, 2),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3),  # the euro does not fit into the first part
        ("a" * 151 + "€" + "a" * 153, "GSM-7", 306, 2),
        ("я" * 70, "UCS-2", 70, 1),
        ("я" * 71, "UCS-2", 71, 2),
        ("я" * 134, "UCS-2", 134, 2),
        ("я" * 135, "UCS-2", 135, 3),
        ("😀" * 35, "UCS-2", 70, 1),
        ("😀" * 36, "UCS-2", 72, 2),
        ("😀" * 67, "UCS-2", 134, 3),  # 33 pairs fill 66 of 67 units
        ("é", "GSM-7", 1, 1),
        ("ê", "UCS-2", 1, 1),
        ("ç", "UCS-2", 1, 1),  # only the capital is in the alphabet
        ("e\u0301", "UCS-2", 2, 1),
    ],
)
def test_how_many_sms_a_text_is(text, encoding, units, count):
    found = segments_of(text)
    assert (found.encoding, found.units, found.count) == (encoding, units, count)


def size(encoding, text):
    if encoding == "GSM-7":
        return sum(2 if each in EXTENSION else 1 for each in text)
    return len(text.encode("utf-16-be")) // 2


def fewest(encoding, text):
    """Fill part after part by trying every length, the slow way."""
    alone, part = (160, 153) if encoding == "GSM-7" else (70, 67)
    if size(encoding, text) <= alone:
        return 1
    count, at = 0, 0
    while at < len(text):
        at = max(end for end in range(at + 1, min(len(text), at + part) + 1) if size(encoding, text[at:end]) <= part)
        count += 1
    return count


GSM7 = st.text(st.sampled_from(sorted(BASIC | EXTENSION)), max_size=700)
ANYTHING = st.text(st.one_of(st.sampled_from("aя😀€{𝄞"), st.characters(exclude_categories=["Cs"])), max_size=300)
MIXED = st.lists(st.sampled_from(["a" * 50, "€", "😀", "я" * 20, "{", "b"]), max_size=30).map("".join)


@given(st.one_of(GSM7, ANYTHING, MIXED))
def test_the_parts_are_the_text_each_fits_and_none_is_wasted(text):
    found = segments_of(text)
    alone, part = (160, 153) if found.encoding == "GSM-7" else (70, 67)
    assert "".join(found.parts) == text
    assert found.units == size(found.encoding, text)
    assert all(size(found.encoding, each) <= (alone if found.count == 1 else part) for each in found.parts)
    assert found.count == fewest(found.encoding, text)


@given(ANYTHING)
def test_a_text_is_gsm7_exactly_if_no_character_forbids_it(text):
    assert (segments_of(text).encoding == "GSM-7") == (not_in_gsm7(text) == "")


def test_the_characters_that_make_a_text_longer_are_named_once():
    assert not_in_gsm7("“Hi”, “you”…") == "“”…"
