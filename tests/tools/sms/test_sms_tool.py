"""`sms_outreach` without a provider: what is entered, what is refused, and what is told."""

import json

import pytest
from langchain_core.messages import ToolMessage
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_tests.unit_tests import ToolsUnitTests

from salesboost_tools.core.errors import IdempotencyError, ToolInputError
from salesboost_tools.core.spec import Effect
from salesboost_tools.tools.sms import SmsOutreach
from tests.tools.sms.conftest import BERLIN, BOTH_DATABASES, CLEVELAND, agree, config

SEND = {"operation": "send", "to": CLEVELAND, "body": "Hello"}
OTHER = config(tenant_id="other")


@pytest.fixture(params=BOTH_DATABASES)
def backend(request):
    return request.param


class TestStandard(ToolsUnitTests):
    @property
    def tool_constructor(self):
        return SmsOutreach

    @property
    def tool_constructor_params(self):
        return {"outbox": object()}

    @property
    def tool_invoke_params_example(self):
        return SEND


def call(of_id="call-1", /, **arguments):
    return {"name": "sms_outreach", "args": arguments, "id": of_id, "type": "tool_call"}


# ---------------------------------------------------------------- sending


async def test_without_a_provider_the_message_is_kept_and_the_answer_says_that_nothing_left(ask, outbox):
    agree(outbox, CLEVELAND)
    answer = await ask(**SEND)
    assert answer["message"]["state"] == "queued"
    assert answer["left_machine"] is False
    assert "Nothing left this machine" in answer["note"]
    assert (await ask(operation="history", to=CLEVELAND))["messages"] == [answer["message"]]


async def test_nobody_is_texted_who_has_not_agreed(ask):
    with pytest.raises(ToolInputError, match="No consent"):
        await ask(**SEND)
    assert (await ask(operation="history"))["messages"] == []


async def test_consent_need_not_be_asked_for_if_the_settings_say_so_but_a_stop_counts(open_outbox):
    tool = SmsOutreach(outbox=open_outbox(consent_required=False))
    assert tool.invoke(SEND, config())["message"]["state"] == "queued"
    tool.invoke({"operation": "opt_out", "to": CLEVELAND}, config())
    with pytest.raises(ToolInputError, match="opted out"):
        tool.invoke(SEND, config())


async def test_at_night_the_answer_names_the_next_moment_and_that_moment_is_accepted(ask, outbox, now):
    agree(outbox, CLEVELAND)
    now.advance(hours=10)  # two at night in Cleveland
    with pytest.raises(ToolInputError, match="2026-07-01T12:00:00Z"):
        await ask(**SEND)
    answer = await ask(**{**SEND, "operation": "schedule"}, send_at="2026-07-01T08:00:00-04:00")
    assert (answer["message"]["state"], answer["message"]["send_at"]) == ("scheduled", "2026-07-01T12:00:00Z")


async def test_one_person_gets_no_more_than_the_cap_scheduled_messages_included(ask, outbox, now):
    agree(outbox, CLEVELAND, BERLIN)
    for hours in (1, 2):
        await ask(**SEND | {"operation": "schedule", "send_at": f"2026-06-30T{16 + hours}:00:00Z"})
    await ask(**SEND)
    with pytest.raises(ToolInputError, match=r"at most 3 texts in 24 hours\. The next moment is 2026-07-01T16:00:00Z"):
        await ask(**SEND)
    await ask(**SEND | {"to": BERLIN})  # somebody else
    now.advance(hours=24)
    await ask(**SEND)


async def test_a_dry_run_tells_what_would_happen_and_enters_nothing(ask, outbox):
    agree(outbox, CLEVELAND)
    answer = await ask(**SEND | {"body": "я" * 71}, dry_run=True)
    assert answer["would"]["segments"] == 2
    assert answer["would"]["encoding"] == "UCS-2"
    assert (await ask(operation="history"))["messages"] == []
    with pytest.raises(ToolInputError, match="No consent"):
        await ask(**SEND | {"to": BERLIN}, dry_run=True)
    assert (await ask(operation="opt_out", to=CLEVELAND, dry_run=True))["would"]["consent"] == "withdrawn"
    assert (await ask(operation="history", to=CLEVELAND))["consent"] == "given"


# ---------------------------------------------------------------- one call, one message


async def test_the_same_call_of_a_model_enters_one_message_also_in_another_process(open_outbox):
    agree(open_outbox(), CLEVELAND)
    thread = config(thread_id="t-1")
    first = SmsOutreach(outbox=open_outbox()).invoke(call(**SEND), thread)
    second = await SmsOutreach(outbox=open_outbox()).ainvoke(call(**SEND), thread)
    assert isinstance(first, ToolMessage)
    told, again = json.loads(first.content), json.loads(second.content)
    assert again["replayed"]
    assert told["message"] == again["message"]


@pytest.mark.parametrize(
    "other", [config(thread_id="t-2"), config(session_id="s-1"), config(user_id="u-8"), config(thread_id="t-1")]
)
async def test_a_call_of_another_conversation_or_another_id_is_another_message(tool, outbox, other):
    agree(outbox, CLEVELAND)
    tool.invoke(call(**SEND), config(thread_id="t-1"))
    same_thread = other["configurable"].get("thread_id") == "t-1"
    answer = json.loads(tool.invoke(call("call-2" if same_thread else "call-1", **SEND), other).content)
    assert "replayed" not in answer
    assert len(tool.invoke({"operation": "history"}, config())["messages"]) == 2


@pytest.mark.parametrize("way", ["argument", "configuration"])
async def test_a_program_names_its_message_itself(ask, outbox, way):
    agree(outbox, CLEVELAND)

    async def send(body):
        if way == "argument":
            return await ask(**SEND | {"body": body}, idempotency_key="order-17")
        return await ask(config(idempotency_key="order-17"), **SEND | {"body": body})

    first = await send("Hello")
    assert (await send("Hello"))["message"]["id"] == first["message"]["id"]
    with pytest.raises(IdempotencyError, match="one key stands for one message") as refused:
        await send("Something else")
    assert "Something" not in str(refused.value) + refused.value.for_model
    assert len((await ask(operation="history"))["messages"]) == 1


async def test_an_unnamed_call_of_a_program_is_a_message_of_its_own(ask, outbox):
    agree(outbox, CLEVELAND)
    assert (await ask(**SEND))["message"]["id"] != (await ask(**SEND))["message"]["id"]


async def test_a_model_cannot_choose_the_id_of_its_call(tool, outbox):
    agree(outbox, CLEVELAND)
    ids = {
        json.loads(tool.invoke(call(f"call-{at}", **SEND, call_id="forged"), config()).content)["message"]["id"]
        for at in range(2)
    }
    assert len(ids) == 2


# ---------------------------------------------------------------- cancelling, asking, counting


async def test_what_waits_can_be_cancelled_twice_and_is_told_so(ask, outbox):
    agree(outbox, CLEVELAND)
    later = await ask(**SEND | {"operation": "schedule", "send_at": "2026-06-30T18:00:00Z"})
    message_id = later["message"]["id"]
    assert (await ask(operation="cancel", message_id=message_id, dry_run=True))["message"]["state"] == "scheduled"
    for _ in range(2):
        assert (await ask(operation="cancel", message_id=message_id))["message"]["state"] == "cancelled"
    assert (await ask(operation="status", message_id=message_id))["message"]["state"] == "cancelled"


@pytest.mark.parametrize(
    ("send_at", "said"),
    [
        ("2026-06-30T15:59:59Z", "has passed: now is 2026-06-30T16:00:00Z. Use send"),
        ("2027-07-01T16:00:01Z", "at most 366 days"),
        ("9999-12-31T23:59:59Z", "at most 366 days"),
    ],
)
async def test_a_time_that_has_passed_or_is_far_ahead_is_refused(ask, outbox, send_at, said):
    agree(outbox, CLEVELAND)
    with pytest.raises(ToolInputError, match=said):
        await ask(**SEND | {"operation": "schedule", "send_at": send_at})


async def test_a_message_that_does_not_exist_says_which_do(ask, outbox):
    for operation in ("status", "cancel"):
        with pytest.raises(ToolInputError, match="The outbox is empty"):
            await ask(operation=operation, message_id="SMS-1")
    agree(outbox, CLEVELAND)
    message_id = (await ask(**SEND))["message"]["id"]
    with pytest.raises(ToolInputError, match=message_id):
        await ask(operation="status", message_id="SMS-1")


async def test_history_comes_newest_first_page_by_page(ask, outbox, now):
    agree(outbox, CLEVELAND, BERLIN)
    for at in range(3):
        now.advance(seconds=1)
        await ask(**SEND | {"body": f"to Cleveland {at}"}, campaign="june")
        await ask(**SEND | {"to": BERLIN, "body": f"to Berlin {at}"})
    first = await ask(operation="history", to=CLEVELAND, limit=2)
    rest = await ask(operation="history", to=CLEVELAND, limit=2, cursor=first["next_cursor"])
    bodies = [each["body"] for each in first["messages"] + rest["messages"]]
    assert bodies == ["to Cleveland 2", "to Cleveland 1", "to Cleveland 0"]
    assert "next_cursor" not in rest
    assert len((await ask(operation="history", campaign="june"))["messages"]) == 3
    assert "6 messages" in (await ask(operation="history", to="+14155552671"))["note"]


async def test_a_list_cuts_long_texts_and_the_status_tells_them_whole(ask, outbox):
    agree(outbox, CLEVELAND)
    body = "0123456789" * 20
    message_id = (await ask(**SEND | {"body": body}))["message"]["id"]
    (shown,) = (await ask(operation="history"))["messages"]
    assert (shown["body"], shown["body_is_complete"]) == (body[:160] + "…", False)
    whole = (await ask(operation="status", message_id=message_id))["message"]
    assert whole["body"] == body
    assert "body_is_complete" not in whole


async def test_campaigns_are_counted(ask, outbox):
    agree(outbox, CLEVELAND, BERLIN)
    await ask(**SEND | {"body": "a" * 161}, campaign="june")
    await ask(**SEND | {"to": BERLIN}, campaign="june")
    await ask(**SEND)
    await ask(operation="opt_out", to=CLEVELAND)
    (june,) = (await ask(operation="statistics", campaign="june"))["campaigns"]
    counts = {"messages": 2, "segments": 3, "recipients": 2, "opted_out": 1}
    assert june == {"campaign": "june", "by_state": {"cancelled": 1, "queued": 1}, **counts}
    assert len((await ask(operation="statistics"))["campaigns"]) == 2
    with pytest.raises(ToolInputError, match="Nearest: 'june'"):
        await ask(operation="statistics", campaign="jun")


# ---------------------------------------------------------------- consent


async def test_who_opts_out_gets_nothing_any_more_also_nothing_that_waits(ask, outbox):
    agree(outbox, CLEVELAND)
    later = await ask(**SEND | {"operation": "schedule", "send_at": "2026-06-30T18:00:00Z"})
    assert (await ask(operation="opt_out", to=CLEVELAND))["consent"] == "withdrawn"
    status = await ask(operation="status", message_id=later["message"]["id"])
    assert (status["message"]["state"], status["message"]["error"]) == ("cancelled", "The person opted out.")
    with pytest.raises(ToolInputError, match="opted out"):
        await ask(**SEND)
    assert (await ask(operation="opt_in", to=CLEVELAND, evidence="called us again"))["consent"] == "given"
    await ask(**SEND)


async def test_consent_needs_evidence(ask):
    with pytest.raises(ToolInputError, match="opt_in needs evidence"):
        await ask(operation="opt_in", to=CLEVELAND)


# ---------------------------------------------------------------- tenants


async def test_another_tenant_sees_nothing_and_its_people_have_not_agreed(ask, outbox):
    agree(outbox, CLEVELAND)
    message_id = (await ask(**SEND, campaign="june", idempotency_key="k"))["message"]["id"]
    for operation in ("status", "cancel"):
        with pytest.raises(ToolInputError, match="The outbox is empty"):
            await ask(OTHER, operation=operation, message_id=message_id)
    assert (await ask(OTHER, operation="history", to=CLEVELAND))["messages"] == []
    assert (await ask(OTHER, operation="history", to=CLEVELAND))["consent"] == "none"
    assert (await ask(OTHER, operation="statistics"))["campaigns"] == []
    with pytest.raises(ToolInputError, match="no message of this id"):
        await ask(OTHER, operation="history", cursor=message_id)
    with pytest.raises(ToolInputError, match="No consent"):
        await ask(OTHER, **SEND)
    agree(outbox, CLEVELAND, tenant_id="other")
    answer = await ask(OTHER, **SEND, idempotency_key="k")
    assert "replayed" not in answer  # keys are the tenant's own
    await ask(OTHER, operation="opt_out", to=CLEVELAND)
    await ask(**SEND)


# ---------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"operation": "send", "to": CLEVELAND}, "send needs body"),
        ({"operation": "schedule", "to": CLEVELAND, "body": "x"}, "schedule needs send_at"),
        ({**SEND, "send_at": "2026-06-30T18:00:00Z"}, "send takes no send_at; it takes"),
        ({"operation": "status"}, "status needs message_id"),
        ({"operation": "statistics", "limit": 3}, "statistics takes no limit"),
        ({**SEND, "body": "😀" * 350}, "at most 10 are sent"),
        ({**SEND, "to": "555"}, "country code"),
        ({**SEND, "operation": "schedule", "send_at": "2026-06-30T15:00:00Z"}, "has passed: now is"),
    ],
)
async def test_arguments_that_do_not_go_together_say_what_does(ask, outbox, arguments, what):
    agree(outbox, CLEVELAND)
    with pytest.raises(ToolInputError, match=what):
        await ask(**arguments)


@pytest.mark.parametrize(
    "wrong",
    [
        {**SEND, "extra": 1},
        {**SEND, "operation": "resend"},
        {**SEND, "body": ""},
        {**SEND, "body": "x" * 1601},
        {**SEND, "operation": "schedule", "send_at": "2026-07-01T08:00:00"},
        {"operation": "history", "limit": 51},
    ],
)
async def test_arguments_out_of_bounds_are_refused(ask, wrong):
    with pytest.raises(ValueError, match="validation error"):
        await ask(**wrong)


def test_a_number_of_the_default_country_needs_no_country_code(outbox):
    agree(outbox, CLEVELAND)
    tool = SmsOutreach(outbox=outbox, default_region="US")
    answer = tool.invoke({**SEND, "to": "(216) 555-0123"}, config())
    assert answer["message"]["to"] == CLEVELAND


def test_what_a_call_does_depends_on_its_arguments(tool):
    effect_of = tool.spec.effect_of
    for operation in ("status", "history", "statistics"):
        assert effect_of({"operation": operation}) is Effect.READ
    for operation in ("send", "schedule", "cancel", "opt_in", "opt_out"):
        assert effect_of({"operation": operation}) is Effect.WRITE
        assert effect_of({"operation": operation, "dry_run": True}) is Effect.READ


def test_the_model_sees_no_injected_argument_and_who_may_call_is_fixed(tool):
    shown = convert_to_openai_tool(tool)["function"]["parameters"]["properties"]
    assert "call_id" not in shown
    assert all(each.get("description") for each in shown.values())
    assert tool.spec.allowed_roles == {"coach", "system"}
    assert str(tool.spec.rate_limit) == "20/hour"


async def test_the_tool_says_whether_it_can_work(tool, outbox, tmp_path):
    tool.probe()
    await tool.aprobe()
