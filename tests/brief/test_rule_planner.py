"""The rules ask for what the findings make worth asking, the important things first, and nothing twice."""

from salesboost_tools.brief.calls import COMPETITOR, CRM, KNOWLEDGE
from salesboost_tools.brief.playbook import shipped_playbook
from salesboost_tools.brief.rule_planner import RulePlanner
from tests.brief.builders import activity, answer, contact, deal, findings

PLANNER = RulePlanner()
KNOWN = tuple(
    answer({"operation": "list", "record_type": kind, "account_id": "A-1", "limit": 50}, {"records": []})
    for kind in ("activity", "contact", "deal")
)


def plan(**changes):
    message = PLANNER.plan((), findings(**changes))
    return [(call["name"], call["args"]) for call in message.tool_calls]


def test_an_unknown_account_is_looked_at_before_anything_else_is_asked():
    asked = plan(account=None, deal=None)
    assert [args.get("record_type") for _, args in asked] == ["account", "activity", "contact", "deal"]


def test_what_was_asked_is_not_asked_again_even_if_it_failed():
    failed = answer(KNOWN[0].args, error="`crm_integration` is busy.")
    assert plan(answers=(failed, *KNOWN[1:]), deal=None) == []


def test_a_competitor_brings_its_battlecard_and_the_deals_won_against_it():
    asked = plan(answers=KNOWN)
    assert {args["aspect"] for name, args in asked if name == COMPETITOR} >= {"comparison", "objections"}
    assert [args["stage"] for name, args in asked if name == CRM] == ["won"]


def test_the_least_important_question_to_the_crm_comes_when_the_others_were_answered():
    won = answer({"operation": "list", "record_type": "deal", "stage": "won", "competitor": "Dealharbor", "limit": 50})
    last = [args for name, args in plan(answers=(*KNOWN, won)) if name == CRM]
    assert [(args["competitor"], args["stalled_days"]) for args in last] == [("Dealharbor", 30)]


def test_without_a_competitor_there_is_no_battlecard():
    assert COMPETITOR not in {name for name, _ in plan(answers=KNOWN, deal=deal(competitor=None))}


def test_each_objection_is_one_question_to_the_knowledge_base():
    playbook = shipped_playbook()
    said = [activity(1, "The price per seat is too high and we fear the migration.", days_ago=3)]
    asked = plan(answers=KNOWN, activities=said, deal=deal(silent_days=3))
    wanted = {each.question for each in playbook.objections if each.key in {"price", "migration"}}
    assert {args["query"] for name, args in asked if name == KNOWLEDGE} == wanted | {playbook.approval.question}


def test_silence_and_a_signature_out_of_reach_are_questions_too():
    playbook = shipped_playbook()
    buyer = contact(1, playbook.power.role)
    asked = {args["query"] for name, args in plan(answers=KNOWN, contacts=(buyer,)) if name == KNOWLEDGE}
    assert asked == {playbook.stalled.question, playbook.power.question}
    met = [activity(1, "Talked.", days_ago=playbook.power.after_days - 1)]
    asked = {args.get("query") for _, args in plan(answers=KNOWN, contacts=(buyer,), activities=met)}
    assert playbook.power.question not in asked


async def test_the_plan_is_the_same_for_async_callers():
    found = findings(answers=KNOWN)
    message = await PLANNER.aplan((), found)
    assert [call["args"] for call in message.tool_calls] == [args for _, args in plan(answers=KNOWN)]
