"""The outbox that needs no set-up: a private file, with the consent of people in a story as long as it is one."""

import stat

import pytest
from sqlalchemy import select

from salesboost_tools.core.errors import ConfigurationError, ToolInputError
from salesboost_tools.tools.sms import SmsOutreach, open_sms
from salesboost_tools.tools.sms.opening import FILE_NAME
from salesboost_tools.tools.sms.provider import SmsProvider
from salesboost_tools.tools.sms.schema import consent_ledger
from tests.tools.sms.conftest import CLEVELAND, config, policy


@pytest.fixture
def open_embedded(tmp_path, now):
    opened = []

    def make(**more):
        opened.append(open_sms(tmp_path / "data", policy=policy(), now=now, **more))
        return opened[-1]

    yield make
    for outbox in opened:
        outbox.close()


def agreed(outbox):
    wanted = select(consent_ledger.c.number, consent_ledger.c.evidence).where(consent_ledger.c.consent == "given")
    return outbox.database.perform(lambda connection: connection.execute(wanted).all(), writes=False)


def test_the_contacts_of_the_shipped_scenario_who_prefer_texts_have_agreed_once(open_embedded):
    first = agreed(open_embedded())
    assert len(first) >= 20
    assert all("shipped scenario" in each.evidence and "55501" in each.number for each in first)
    assert agreed(open_embedded()) == first


def test_a_person_of_the_story_can_be_texted_and_nobody_else(open_embedded):
    outbox = open_embedded()
    number = agreed(outbox)[0].number
    tool = SmsOutreach(outbox=outbox)
    send = {"operation": "schedule", "body": "Hello", "send_at": "2026-07-01T18:00:00Z"}
    assert tool.invoke({**send, "to": number}, config())["message"]["state"] == "scheduled"
    with pytest.raises(ToolInputError, match="No consent"):
        tool.invoke({**send, "to": "+14155552671"}, config())


class Carrier(SmsProvider):
    """Would carry messages to real people."""

    name = "carrier"
    delivers = True


def test_with_somebody_who_really_sends_nobody_has_agreed_yet(open_embedded):
    assert agreed(open_embedded(provider=Carrier())) == []


def test_the_file_is_nobody_elses_to_read(open_embedded, tmp_path):
    outbox = open_embedded()
    SmsOutreach(outbox=outbox).invoke({"operation": "opt_in", "to": CLEVELAND, "evidence": "web form"}, config())
    files = list((tmp_path / "data").glob(f"{FILE_NAME}*"))
    assert files
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_folder_that_cannot_be_made_is_a_mistake_in_the_set_up(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="TOOL_DATA_DIR"):
        open_sms(tmp_path / "file" / "data", policy=policy())
