"""The pure rules: ids, cursors, stages, slips."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesboost_tools.core.errors import ToolInputError
from salesboost_tools.tools.crm.commands import Find, MoveDeal
from salesboost_tools.tools.crm.cursor import cursor_after, position
from salesboost_tools.tools.crm.deal_rule import move, slipped
from salesboost_tools.tools.crm.properties import allowed_properties, properties_to_update
from salesboost_tools.tools.crm.record_id import RANDOM_BITS, record_id
from salesboost_tools.tools.crm.vocabulary import CLOSED_STAGES, OPEN_STAGES, RECORD_TYPES, STAGES

MOMENTS = st.builds(
    lambda seconds: datetime(1971, 1, 1, tzinfo=UTC) + timedelta(microseconds=seconds),
    st.integers(0, 900 * 365 * 86400 * 10**6),
)
NOW = datetime(2026, 6, 30, 9, tzinfo=UTC)
ENTROPY = st.integers(0, 2**RANDOM_BITS - 1)


@given(earlier=MOMENTS, later=MOMENTS, one=ENTROPY, other=ENTROPY)
def test_ids_sort_by_time(earlier, later, one, other):
    if later - earlier >= timedelta(milliseconds=1):
        assert record_id("ACT", earlier, one) < record_id("ACT", later, other)


@given(one=ENTROPY, other=ENTROPY)
def test_ids_of_one_moment_differ_exactly_if_their_random_parts_do(one, other):
    assert (record_id("ACT", NOW, one) == record_id("ACT", NOW, other)) == (one == other)


@given(now=MOMENTS, random_bits=ENTROPY)
def test_an_id_is_twenty_plain_letters_after_its_prefix(now, random_bits):
    prefix, _, rest = record_id("CON", now, random_bits).partition("-")
    assert prefix == "CON"
    assert len(rest) == 20
    assert not set(rest) & set("ILOU")


@given(keys=st.tuples(st.one_of(st.text(), MOMENTS), st.text(min_size=1)), limit=st.integers(1, 50))
def test_a_cursor_gives_back_the_key_it_was_made_of_whatever_the_limit(keys, limit):
    asked = Find(operation="list", record_type="deal", filters={"stage": "won", "owner_id": "x"})
    text = cursor_after(asked, "t", keys)
    same = Find(
        operation="list", record_type="deal", filters={"owner_id": "x", "stage": "won"}, limit=limit, cursor=text
    )
    assert position(same, "t") == list(keys)
    with pytest.raises(ToolInputError):
        position(same, "another tenant")


@given(text=st.text(max_size=200))
def test_no_text_breaks_the_reading_of_a_cursor(text):
    with pytest.raises(ToolInputError):
        position(Find(operation="list", record_type="deal", cursor=text), "t")


def row(stage):
    return {
        "stage": stage,
        "closed_at": NOW - timedelta(days=3) if stage in CLOSED_STAGES else None,
        "close_reason": "price" if stage == "lost" else None,
        "competitor": "Dealharbor",
        "close_date": date(2026, 7, 31),
        "close_date_slips": 1,
    }


@pytest.mark.parametrize("before", STAGES)
@pytest.mark.parametrize("after", STAGES)
def test_a_deal_has_a_moment_of_closing_exactly_if_it_is_closed(before, after):
    reason = "price" if after in CLOSED_STAGES else None
    asked = MoveDeal(deal_id="d", stage=after, reason=reason, competitor=None, expected_version=1)
    values = move(row(before), asked, NOW)
    assert values["stage"] == after
    assert (values["closed_at"] is not None) == (after in CLOSED_STAGES)
    if before == after:
        assert values["closed_at"] == row(before)["closed_at"]


def test_an_end_keeps_the_competitor_unless_another_is_named():
    asked = MoveDeal(deal_id="d", stage="won", reason=None, competitor=None, expected_version=1)
    assert move(row("closing"), asked, NOW)["competitor"] == "Dealharbor"


@given(days=st.integers(-400, 400), stage=st.sampled_from(STAGES))
def test_a_slip_is_an_open_deal_whose_close_date_moves_back(days, stage):
    new = date(2026, 7, 31) + timedelta(days=days)
    values = slipped(row(stage), {"close_date": new, "name": "n"})
    assert values["close_date"] == new
    assert ("close_date_slips" in values) == (days > 0 and stage in OPEN_STAGES)
    if "close_date_slips" in values:
        assert values["close_date_slips"] == 2


def test_changes_without_a_close_date_are_no_slip():
    assert slipped(row("proposal"), {"name": "n"}) == {"name": "n"}


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_nobody_writes_keys_tenants_versions_or_times(record_type):
    protected = {"id", "tenant_id", "account_id", "version", "created_at", "updated_at", "stage", "amount_minor"}
    assert not protected & set(allowed_properties(record_type))


def test_checked_properties_hold_only_what_was_given():
    assert properties_to_update("contact", {"email": " A@B.example ", "phone": None}) == {
        "email": "a@b.example",
        "phone": None,
    }
