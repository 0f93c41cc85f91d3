"""A preview is short, and shows nobody's data."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import ToolMessage
from pydantic import BaseModel

from salesboost_tools.core.masking import MaskRules
from salesboost_tools.observe.preview import preview_of


class Contact(BaseModel):
    name: str
    email: str


@dataclass
class Deal:
    amount: int
    phone: str


class Described:
    def __str__(self):
        return "described as ann@acme.example"


@pytest.mark.parametrize(
    "value",
    [
        "call ann@acme.example or +1 (555) 123-4567",
        {"contacts": [{"email": "ann@acme.example", "phone": "+1 (555) 123-4567"}]},
        ("see ann@acme.example", {"phone": "+1 (555) 123-4567"}),
        Contact(name="Ann", email="ann@acme.example"),
        Deal(1, "+1 (555) 123-4567"),
        Described(),
        [Described()],
        ToolMessage('{"email": "ann@acme.example"}', tool_call_id="1", artifact={"secret": "xyz"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_personal_data_is_masked_whatever_holds_it(value):
    shown = preview_of(value, 500)
    assert "ann@acme" not in shown
    assert "123-4567" not in shown
    assert "xyz" not in shown


def test_what_is_not_personal_stays():
    assert preview_of({"deals": 3, "stage": "won"}, 500) == '{"deals":3,"stage":"won"}'
    assert preview_of("ACC-0042 is a customer", 500) == "ACC-0042 is a customer"
    assert preview_of(b"\xff", 500) == '"_w=="'
    assert preview_of(None, 500) == "null"


def test_what_is_masked_is_for_the_rules_to_say():
    assert preview_of("ann@acme.example", 500, MaskRules(by_pattern=False)) == "ann@acme.example"


@given(st.text(), st.integers(1, 50))
def test_it_is_never_longer_than_asked(text, longest):
    shown = preview_of(text, longest)
    assert len(shown) <= longest
    assert shown.endswith("…") or shown == preview_of(text, 10_000)


def test_it_is_masked_before_it_is_cut():
    assert "+1 (555) 12" not in preview_of("call +1 (555) 123-4567", 16)


def test_what_holds_itself_is_refused():
    ring = []
    ring.append(ring)
    with pytest.raises((ValueError, RecursionError)):
        preview_of(ring, 10)
