"""Personal data and secrets leave no trace; everything else stays as it was, and masking twice is masking once."""

import json
import string
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from salesboost_tools.core.masking import MaskRules, mask, mask_as, mask_text
from salesboost_tools.core.sensitive_fields import FIELD_KINDS, Kind, kind_of
from salesboost_tools.core.text_patterns import (
    HIDDEN,
    has_valid_check_digit,
    mask_email,
    mask_patterns,
    mask_places,
)

# ---------------------------------------------------------------- by how it looks


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write dana@acme.com today", "write d***@****.com today"),
        ("<Dana.W+crm@mail.acme.co.uk>", "<D***.*****@****.****.**.uk>"),
        ("mailto:a@b.io", "mailto:*@*.io"),
        ("call +1 (555) 123-4567.", "call +* (***) ***-**67."),
        ("+14155552671 2026-05-01", "+*********71 2026-05-01"),
        ("+49 30 1234567", "+** ** *****67"),
        ("+44 (0)20 7946 0958", "+** (*)** **** **58"),
        ("(415) 555-2671", "(***) ***-**71"),
        ("415-555-2671, 415.555.2671", "***-***-**71, ***.***.**71"),
        ("1-415-555-2671", "*-***-***-**71"),
        ("card 4111 1111 1111 1111", "card **** **** **** 1111"),
        ("378282246310005", "***********0005"),
        ("ssn 078-05-1120", "ssn ***-**-****"),
        ("Authorization: Bearer abcdef123456", f"Authorization: Bearer {HIDDEN}"),
        ("basic dXNlcjpwYXNzd29yZDE=", f"basic {HIDDEN}"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.sig-_", HIDDEN),
        ("key sk-proj-abcdefghij0123456789", f"key {HIDDEN}"),
        ("ghp_" + "a1" * 12, HIDDEN),
        ("?api_key=123abc&x=1", f"?api_key={HIDDEN}&x=1"),
        ("PASSWORD=hunter2 next", f"PASSWORD={HIDDEN} next"),
    ],
)
def test_what_looks_like_personal_data_or_a_secret_is_masked(text, masked):
    assert mask_patterns(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "ACC-0042, DEAL-2024-000123 and Q-415-555-2671",
        "$1,250,000.00, 1250000 EUR, 3.14, -42, 1.250,00",
        "ARR grew by +12500000 USD, +12500000%, +1250000.50",
        "2026-05-01T10:00:00+0100, 12:30, 05/01/2026",
        "123e4567-e89b-12d3-a456-426614174000",
        "1700000000000 and 4111111111111112",
        "192.168.100.1, v1.2.3, section 3.1.4",
        "@dana wrote a@b and x @ y.com",
        "a@@b.com",
        "The bearer of this letter; basic understanding; token: none",
        "x = 1; password =",
        "000-12-3456, 666-12-3456, 912-12-3456, 123-00-4567",
        "200 300 400 seats",
        "",
    ],
)
def test_ids_amounts_dates_and_ordinary_text_stay(text):
    assert mask_patterns(text) == text


def test_check_digits_tell_card_numbers_from_others():
    assert has_valid_check_digit("4111111111111111")
    assert not has_valid_check_digit("4111111111111112")


@pytest.mark.parametrize(
    "text", ["a" * 50_000 + "@", "1" * 50_000, "1 " * 25_000, "+1" * 25_000, "a@" * 25_000, "a_" * 25_000 + "="]
)
def test_time_grows_with_the_length_of_a_text_and_not_with_its_square(text, benchmark_s=2.0):
    from time import process_time

    started = process_time()
    mask_patterns(text + "@=+(1")
    assert process_time() - started < benchmark_s


# ---------------------------------------------------------------- by name


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("email", Kind.EMAIL),
        ("workEmail", Kind.EMAIL),
        ("Contact-Email-Address", Kind.EMAIL),
        ("mobile_number", Kind.PHONE),
        ("PHONE", Kind.PHONE),
        ("X-Api-Key", Kind.SECRET),
        ("apiKey", Kind.SECRET),
        ("access_token", Kind.SECRET),
        ("hubspotAPIKey", Kind.SECRET),
        ("IBAN", Kind.ACCOUNT),
        ("email_opt_in", None),
        ("token_count", None),
        ("account_id", None),
        ("phonetic", None),
        ("", None),
        ("日本", None),
    ],
)
def test_a_name_announces_what_its_last_words_say(name, kind):
    assert kind_of(name) is kind


@pytest.mark.parametrize(
    ("kind", "text", "masked"),
    [
        (Kind.EMAIL, "dana@acme.com", "d***@****.com"),
        (Kind.EMAIL, "dana@host", "d***@****"),
        (Kind.EMAIL, "ask Dana", "*** ****"),
        (Kind.PHONE, "5551234567", "********67"),
        (Kind.PHONE, "ext. 12", "***. **"),
        (Kind.ACCOUNT, "DE89 3704 0044 0532 0130 00", "**** **** **** **** **30 00"),
        (Kind.IDENTITY, "1980-02-29", "****-**-**"),
        (Kind.SECRET, "x", HIDDEN),
        (Kind.SECRET, " ", " "),
        (Kind.PHONE, "", ""),
    ],
)
def test_what_is_left_depends_on_what_a_field_holds(kind, text, masked):
    assert mask_as(kind, text) == masked


def test_nested_data_keeps_its_types():
    class Point(NamedTuple):
        phone: str
        x: int

    @dataclass(frozen=True, slots=True)
    class Contact:
        name: str
        email: str

    class Model(BaseModel):
        model_config = ConfigDict(extra="allow")
        token: str
        count: int = 1

    given_value = {
        "name": "Dana",
        "phones": ["5551234567", {"work": "5557654321", "kind": "desk"}],
        "mobile": 15551234567,
        "fax": 5551234567.0,
        "total_tokens": 512,
        "phone_verified": True,
        "price": Decimal("10.50"),
        "email": None,
        "point": Point("5551234567", 1),
        "contact": Contact("Dana", "dana@acme.com"),
        "model": Model(token="t", secret="s"),
        "tags": {"dana@acme.com"},
        "raw": b"dana@acme.com",
        "rows": ("a", "b"),
        "kind": Contact,
    }
    masked = mask(given_value)
    assert masked["phones"] == ["********67", {"work": "********21", "kind": "****"}]
    assert (masked["mobile"], masked["fax"]) == (0, 0.0)
    assert type(masked["fax"]) is float
    assert masked["point"] == Point("********67", 1)
    assert type(masked["point"]) is Point
    assert masked["contact"] == Contact("Dana", "d***@****.com")
    assert (masked["model"].token, masked["model"].secret, masked["model"].count) == (HIDDEN, HIDDEN, 1)
    assert masked["tags"] == {"d***@****.com"}
    for name in ("name", "total_tokens", "phone_verified", "price", "email", "raw", "rows", "kind"):
        assert masked[name] is given_value[name]
    assert given_value["contact"].email == "dana@acme.com"  # nothing handed in is changed


def test_what_holds_nothing_to_mask_comes_back_as_the_same_object():
    @dataclass
    class Deal:
        amount: int

    for value in ({"a": [1, {"b": "c"}]}, [1, "x"], ("x",), "x", Deal(1), OrderedDict(a=1), object()):
        assert mask(value) is value


def test_mappings_of_other_kinds_stay_what_they_are():
    counted = defaultdict(list, {"email": "a@b.io"})
    masked = mask(counted)
    assert masked == {"email": "*@*.io"}
    assert masked["new"] == []
    assert mask(MappingProxyType({"email": "a@b.io"})) == {"email": "*@*.io"}
    assert mask(OrderedDict(x="a@b.io")) == OrderedDict(x="*@*.io")


def test_keys_that_are_personal_data_are_masked_and_every_entry_keeps_one_of_its_own():
    assert mask({"dana@acme.com": 1, "dave@acme.com": 2, 7: 3}) == {"d***@****.com": 1, "d***@****.com (2)": 2, 7: 3}


def test_rules_can_add_names_spare_names_and_leave_out_names_or_patterns():
    value = {"supportEmail": "help@acme.com", "nickname": "dd-1", "email": "dana@acme.com", "note": "a@b.io"}
    rules = MaskRules(also={"nick_name": Kind.IDENTITY, "nickname": Kind.IDENTITY}, never=frozenset({"support_email"}))
    assert mask(value, rules) == {
        "supportEmail": "help@acme.com",
        "nickname": "**-*",
        "email": "d***@****.com",
        "note": "*@*.io",
    }
    assert mask({"phone": "5551234567"}, MaskRules(by_name=False)) == {"phone": "5551234567"}
    assert mask({"note": "a@b.io", "a@b.io": 1}, MaskRules(by_pattern=False)) == {"note": "a@b.io", "a@b.io": 1}


def test_a_value_that_holds_itself_is_not_handed_out():
    endless = {}
    endless["self"] = [endless]
    with pytest.raises(RecursionError):
        mask(endless)


# ---------------------------------------------------------------- JSON in text


def test_fields_of_json_in_text_are_masked_and_the_rest_stays_as_it_is_written():
    text = (
        'Found:\n{"id":"ACC-0042", "amount": 1.50, "phone" : "5551234567", "tokens": ["a", "b"], "email_opt_in":true}'
    )
    assert mask_text(text) == (
        'Found:\n{"id":"ACC-0042", "amount": 1.50, "phone" : "********67", "tokens": ["********", "********"], '
        '"email_opt_in":true}'
    )


def test_a_sensitive_field_within_another_one_is_masked_once():
    assert mask_text('{"phone": {"mobile": "5551234567"}, "x": 1}') == '{"phone": {"mobile": "********67"}, "x": 1}'


def test_json_that_was_cut_off_is_masked_to_its_end():
    assert mask_text('{"password": "hunter2 and mo') == f'{{"password": "{HIDDEN}'
    assert mask_text('{"password": tru') == '{"password": tru'


def test_spared_fields_of_json_stay():
    assert mask_text('{"fax": "5551234567"}', MaskRules(never=frozenset({"fax"}))) == '{"fax": "5551234567"}'


# ---------------------------------------------------------------- laws

WORDS = st.text(string.ascii_letters + string.digits + " .,;:-()*@=+_/\"'{}[]", max_size=40)
ADDRESSES = st.builds(
    "{}{}@{}.{}".format,
    st.sampled_from(string.ascii_lowercase),
    st.text(string.ascii_lowercase + string.digits + "._+-", max_size=15),
    st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=10),
    st.sampled_from(["com", "io", "co.uk", "museum", "de"]),
)
INTERNATIONAL = st.integers(10**9, 10**14 - 1).map("+{}".format)
AMERICAN = st.builds(
    str.format,
    st.sampled_from(["({}) {}-{:04}", "{}-{}-{:04}", "{}.{}.{:04}", "1-{}-{}-{:04}"]),
    st.integers(200, 999),
    st.integers(200, 999),
    st.integers(0, 9999),
)
PLANTED = st.one_of(ADDRESSES, INTERNATIONAL, AMERICAN)
LEAVES = st.one_of(WORDS, PLANTED, st.integers(), st.none(), st.booleans(), st.floats(allow_nan=False))
NAMES = st.one_of(WORDS, st.sampled_from(sorted(name.replace(" ", "_") for name in FIELD_KINDS)))
DATA = st.recursive(
    LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=4))
)


@given(st.lists(st.one_of(WORDS, PLANTED), max_size=6).map("".join))
def test_masking_text_twice_is_masking_it_once(text):
    once = mask_patterns(text)
    assert mask_patterns(once) == once
    assert len(once) <= len(text) + len(HIDDEN) * (text.count("=") + 1)


@given(DATA)
def test_masking_data_twice_is_masking_it_once(value):
    once = mask(value)
    assert mask(once) == once
    assert type(once) is type(value)


@given(DATA)
def test_masking_json_twice_is_masking_it_once_and_leaves_json(value):
    text = json.dumps(value)
    once = mask_text(text)
    assert mask_text(once) == once


@given(
    before=st.sampled_from(["", "call ", "(", "to: ", '"', "\n"]),
    planted=PLANTED,
    after=st.sampled_from(["", ".", ", or", ")", '"', "\n"]),
)
def test_a_planted_address_or_number_is_never_left(before, planted, after):
    masked = mask({"a": [{"note": f"{before}{planted}{after}"}], planted: 1})
    assert planted not in repr(masked)
    assert planted.lstrip("+")[:8] not in repr(masked)


@given(st.text(string.ascii_letters + " .,;:!?'-\n"))
def test_ordinary_text_stays_untouched(text):
    assert mask_patterns(text) is text


@given(st.emails())
def test_no_address_survives_whatever_it_is_made_of(address):
    host = address.rpartition("@")[2]
    assert f"@{host}" not in mask_patterns(f"write to {address} now")


@given(st.text(), st.integers(0, 4), st.integers(0, 12))
def test_masks_keep_the_length(text, kept, least):
    assert len(mask_places(text, kept, least)) == len(text)
    assert len(mask_email(text)) == len(text)
