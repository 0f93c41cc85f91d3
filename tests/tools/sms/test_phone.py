"""A number has one form; one that cannot be texted says what is wrong with it, and is not repeated."""

import pytest

from salesboost_tools.core.errors import ToolInputError
from salesboost_tools.tools.sms.phone import read_phone


@pytest.mark.parametrize(
    ("text", "region", "e164"),
    [
        ("+14155552671", None, "+14155552671"),
        (" +1 (415) 555-2671 ", None, "+14155552671"),
        ("(415) 555-2671", "US", "+14155552671"),
        ("0151 23456789", "DE", "+4915123456789"),
        ("+4915123456789", "US", "+4915123456789"),
        ("00 49 151 23456789", "DE", "+4915123456789"),
        ("+1-216-555-0123", None, "+12165550123"),
        ("+８１９０１２３４５６７８", None, "+819012345678"),  # noqa: RUF001
    ],
)
def test_every_way_to_write_a_number_becomes_the_same(text, region, e164):
    assert read_phone(text, default_region=region).e164 == e164


def test_a_number_knows_its_country_and_every_zone_it_may_be_in():
    assert read_phone("+12085550123").time_zones == ("America/Boise", "America/Los_Angeles")
    assert read_phone("+14165550123").region == "CA"
    assert len(read_phone("+61412345678").time_zones) > 4


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("(415) 555-2671", "no known country code"),
        ("hello", "not a telephone number"),
        ("+1415555267", "too few digits for US"),
        ("+141555526711", "too many digits for US"),
        ("+1234567890123456789", "too long"),
        ("+1 999 555 2671", "not in use in US"),
        ("+44 7700 900205", "not in use in GB"),
        ("+1 800 555 0100", "toll-free"),
        ("+1 900 555 0100", "premium-rate"),
        ("+1 415 555 2671 ext. 5", "extension"),
        ("+8821621112222", "no known time zone"),
    ],
)
def test_what_is_wrong_is_said_without_repeating_the_number(text, what):
    with pytest.raises(ToolInputError, match=what) as refused:
        read_phone(text)
    digits = "".join(each for each in text if each.isdigit())
    assert len(digits) < 5 or digits[-5:] not in str(refused.value) + refused.value.for_model
    assert refused.value.for_model == str(refused.value)
