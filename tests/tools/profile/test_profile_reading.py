"""A profile is read whole or by field, each fact with source and time, masked as the role requires."""

import json
from datetime import datetime

import pytest
from langchain_tests.unit_tests import ToolsUnitTests
from pydantic import ValidationError

from salesboost_tools.core.errors import ConfigurationError, ToolInputError
from salesboost_tools.core.spec import Effect
from salesboost_tools.tools.profile import ProfileReader
from salesboost_tools.tools.profile.arguments import FIELDS_OF
from salesboost_tools.tools.profile.roles import read_roles
from tests.tools.profile.conftest import ACME, COACH, DANA, DIRECTOR, ON_EVERY_DATABASE, config


class NoCrm:
    """Stands in where nothing is asked."""


class TestStandard(ToolsUnitTests):
    @property
    def tool_constructor(self):
        return ProfileReader

    @property
    def tool_constructor_params(self):
        return {"crm": NoCrm()}

    @property
    def tool_invoke_params_example(self):
        return {"subject": "account", "who": ACME}


@ON_EVERY_DATABASE
async def test_an_account_is_found_by_id_name_domain_and_part_of_its_name(ask):
    for who in (ACME, "Acme Corp", "acme corp", "acme.example", "acme"):
        assert (await ask(subject="account", who=who, field="firmographics"))["id"] == ACME


async def test_a_person_is_found_by_id_name_and_e_mail_address(ask):
    for who in (DANA, "Dana Whitfield", "whitfield", "dana.whitfield@acme.example"):
        assert (await ask(subject="person", who=who, field="identity"))["id"] == DANA


@ON_EVERY_DATABASE
async def test_all_fields_come_at_once_and_each_alone(ask):
    for subject, who in (("account", ACME), ("person", DANA)):
        whole = await ask(subject=subject, who=who)
        assert tuple(whole["fields"]) == FIELDS_OF[subject]
        for field in FIELDS_OF[subject]:
            alone = await ask(subject=subject, who=who, field=field)
            assert alone["fields"] == {field: whole["fields"][field]}


def facts(value):
    """Yield every fact of an answer: whatever names a source."""
    if isinstance(value, dict):
        if "source" in value:
            yield value
        for inner in value.values():
            yield from facts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from facts(inner)


async def test_every_fact_has_a_source_in_the_crm_and_a_time(ask, store):
    from salesboost_tools.core.call import Caller
    from salesboost_tools.tools.crm.commands import Get

    answer = await ask(subject="account", who=ACME)
    known = list(facts(answer["fields"]))
    assert len(known) > 40
    for fact in known:
        assert datetime.fromisoformat(fact["at"]).tzinfo is not None
        origin, record_type, record_id = fact["source"].split(":")
        assert origin == "crm"
        store.perform(Get(record_type=record_type, record_id=record_id), Caller(tenant_id="default"))


async def test_the_buying_committee_names_roles_and_those_nobody_holds(ask):
    committee = (await ask(subject="account", who=ACME, field="buying_committee"))["fields"]["buying_committee"]
    roles = {each["name"]: each["buying_role"] for each in committee["people"]}
    assert roles["Dana Whitfield"] == "economic_buyer"
    assert committee["roles_nobody_holds"] == ["user", "influencer"]


async def test_pains_are_quoted_from_what_was_said_to_us(ask):
    pains = (await ask(subject="account", who=ACME, field="pains"))["fields"]["pains"]
    by_topic = {pain["topic"]: pain for pain in pains}
    assert by_topic["reporting_effort"]["value"] == "Sellers lose about two hours a week on reports."
    assert by_topic["reporting_effort"]["source"] == "crm:activity:ACT-01074"
    assert by_topic["migration_risk"]["times"] >= 2
    assert by_topic["migration_risk"]["person_id"] == "CON-0042-2"


async def test_a_persons_profile_holds_what_that_person_said_and_nothing_of_others(ask):
    answer = await ask(subject="person", who=DANA)
    assert answer["fields"]["consent"]["email"]["value"] in {"given", "withdrawn", "unknown"}
    assert {entry["person_id"] for entry in answer["fields"]["timeline"]["entries"]} == {DANA}
    assert {pain["person_id"] for pain in answer["fields"]["pains"]} == {DANA}
    assert "price_increases" in {pain["topic"] for pain in answer["fields"]["pains"]}


async def test_the_timeline_is_latest_first_and_as_long_as_asked(ask):
    timeline = (await ask(subject="account", who=ACME, field="timeline", limit=3))["fields"]["timeline"]
    moments = [entry["at"] for entry in timeline["entries"]]
    assert moments == sorted(moments, reverse=True)
    assert (len(moments), timeline["more"]) == (3, True)


async def test_answers_are_plain_json_and_small(ask):
    answer = await ask(subject="account", who=ACME)
    assert json.loads(json.dumps(answer)) == answer
    assert len(json.dumps(answer)) < 12_000


# ---------------------------------------------------------------- nothing found


async def test_an_unknown_account_is_answered_with_the_nearest(ask):
    with pytest.raises(ToolInputError, match=r"No account 'acmee'. Nearest: 'Acme Corp' \(ACC-0042\)"):
        await ask(subject="account", who="acmee")
    with pytest.raises(ToolInputError, match="No account 'ACC-9999'"):
        await ask(subject="account", who="ACC-9999")


async def test_where_nothing_is_near_some_that_exist_are_named(ask):
    with pytest.raises(ToolInputError, match="among others: 'Acme Corp'"):
        await ask(subject="account", who="qqqqqq")


async def test_an_unknown_person_is_not_answered_with_other_people(ask):
    for who in ("Dana Whitfeld", "CON-9999-1"):
        with pytest.raises(ToolInputError) as error:
            await ask(subject="person", who=who)
        assert "Whitfield" not in str(error.value)


async def test_a_name_that_several_have_is_asked_back(ask):
    with pytest.raises(ToolInputError, match="Ask again with an id"):
        await ask(subject="account", who="systems")
    with pytest.raises(ToolInputError, match=r"may be CON-\d+-\d at '.*Ask again with an id") as error:
        await ask(subject="person", who="kimura")
    assert "Saskia" not in str(error.value)


@ON_EVERY_DATABASE
async def test_another_tenant_sees_none_of_it(ask):
    elsewhere = config(caller_role="session_director", tenant_id="globex-emea")
    with pytest.raises(ToolInputError):
        await ask(elsewhere, subject="person", who=DANA)
    with pytest.raises(ToolInputError):
        await ask(elsewhere, subject="account", who="Acme Corp")


# ---------------------------------------------------------------- roles


async def test_a_director_sees_addresses_and_a_coach_their_masks(ask):
    seen = {}
    for name, who in (("coach", COACH), ("director", DIRECTOR)):
        identity = (await ask(who, subject="person", who=DANA, field="identity"))["fields"]["identity"]
        seen[name] = (identity["email"]["value"], identity["phone"]["value"])
    assert seen["director"] == ("dana.whitfield@acme.example", "+1-216-555-0110")
    assert seen["coach"] == ("d***.*********@****.example", "+*-***-***-**10")


async def test_a_role_without_a_rule_sees_no_name_either(ask):
    answer = await ask(config(caller_role="stranger"), subject="person", who=DANA)
    assert "Whitfield" not in json.dumps(answer["fields"]["identity"])
    assert answer["name"] == "**** *********"


def test_who_sees_what_is_a_file(tmp_path):
    file = tmp_path / "roles.yaml"
    file.write_text("roles: {coach: {masked: [name], may_erase: true}}\nothers: {masked: [email]}\n", encoding="utf-8")
    rules = read_roles(file)
    assert rules.erasers() == ["coach"]
    assert rules.of("coach").shown("name", "Dana") == "****"
    assert rules.of(None).shown("name", "Dana") == "Dana"


@pytest.mark.parametrize("text", ["roles: {", "roles: {coach: {masked: [shoe_size]}}\nothers: {}", "others: {}"])
def test_a_file_of_roles_that_cannot_be_used_is_a_mistake_in_the_set_up(tmp_path, text):
    file = tmp_path / "roles.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="TOOL_PROFILE_ROLES"):
        read_roles(file)
    with pytest.raises(ConfigurationError, match="TOOL_PROFILE_ROLES"):
        read_roles(tmp_path / "nowhere.yaml")


# ---------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    "arguments",
    [
        {"who": ACME},
        {"subject": "account"},
        {"subject": "company", "who": ACME},
        {"subject": "account", "who": "  "},
        {"subject": "account", "who": ACME, "field": "identity"},
        {"subject": "person", "who": DANA, "field": "buying_committee"},
        {"subject": "account", "who": ACME, "operation": "erase"},
        {"subject": "account", "who": ACME, "dry_run": True},
        {"subject": "account", "who": ACME, "limit": 51},
        {"subject": "account", "who": ACME, "tenant_id": "other"},
    ],
    ids=str,
)
def test_arguments_are_bounded_closed_and_fit_together(tool, arguments):
    with pytest.raises(ValidationError):
        tool.invoke(arguments, config=DIRECTOR)


def test_only_an_erasure_that_is_not_tried_out_is_a_write(tool):
    effect = tool.spec.effect_of
    assert effect({"operation": "erase"}) is Effect.WRITE
    assert effect({"operation": "erase", "dry_run": True}) is Effect.READ
    assert effect({"operation": "read"}) is effect({}) is Effect.READ
    assert tool.spec.cache_ttl_s == 0


@ON_EVERY_DATABASE
async def test_the_probe_touches_the_crm_and_the_note_of_erasures(tool, store):
    from sqlalchemy import text

    from salesboost_tools.core.errors import UpstreamError

    tool.probe()
    await tool.aprobe()
    store.database.perform(lambda connection: connection.execute(text("DROP TABLE profile_erasures")), writes=True)
    try:
        with pytest.raises(UpstreamError):
            tool.probe()
        with pytest.raises(UpstreamError):
            await tool.aprobe()
    finally:
        restore(store)


def restore(store):
    from salesboost_tools.tools.profile.schema import metadata

    store.database.perform(metadata.create_all, writes=True)
