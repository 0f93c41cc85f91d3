"""Which account is meant, one lookup after another."""

from salesboost_tools.brief.lookup import Asking, Identified, Unknown, look_up
from tests.brief.builders import answer


def row(record_id, name="Ferrowick", kind="account", **more):
    return {"type": kind, "id": record_id, "name": name, **more}


def stalled(record_id, account_id, amount, days, currency="USD"):
    return row(
        record_id,
        kind="deal",
        account={"id": account_id, "name": account_id},
        stage="proposal",
        amount={"amount": amount, "currency": currency},
        close_date="2026-07-01",
        days_since_activity=days,
    )


def look(asked, *answers):
    return look_up(asked, answers, stalled_days=30)


LIST = {"operation": "list", "record_type": "deal", "stalled_days": 30}
SEARCH = {"operation": "search", "record_type": "account"}
GET = {"operation": "get", "record_type": "account"}


def test_an_id_is_got_and_a_name_is_searched_for():
    assert look("ACC-0042").calls[0].args["operation"] == "get"
    assert look("4711").calls[0].args["operation"] == "get"
    assert look("Acme Corp").calls[0].args == {**SEARCH, "query": "Acme Corp"}
    assert look("3M").calls[0].args["operation"] == "search"


def test_nothing_asked_means_the_stalled_deal_with_most_money_waiting_longest():
    assert look("  ").calls[0].args["stalled_days"] == 30
    told = answer(LIST, {"records": [stalled("D-1", "A-1", "900", 31), stalled("D-2", "A-2", "400", 80)]})
    assert look(None, told) == Identified("A-2")


def test_amounts_in_other_currencies_are_not_compared():
    deals = [stalled("D-1", "A-1", "10", 40), stalled("D-2", "A-2", "20", 40), stalled("D-3", "A-3", "9999", 40, "JPY")]
    assert look(None, answer(LIST, {"records": deals})) == Identified("A-2")


def test_no_stalled_deal_is_said_and_not_guessed():
    known = look(None, answer(LIST, {"records": []}))
    assert isinstance(known, Unknown)
    assert "30 days" in known.problem


def test_an_exact_name_goes_before_names_that_contain_it():
    told = answer({**SEARCH, "query": "acme"}, {"records": [row("A-1", "Acme Holdings"), row("A-2", "Acme")]})
    assert look("acme", told) == Identified("A-2")


def test_several_names_are_listed_for_a_person_to_choose():
    told = answer(
        {**SEARCH, "query": "fer"}, {"records": [row("A-1", "Fer A"), row("A-2", "Fer B")], "next_cursor": "x"}
    )
    assert look("fer", told) == Unknown("'fer' may be 'Fer A' (A-1), 'Fer B' (A-2) and more. Name one of them.")


def test_a_name_nobody_has_leads_to_two_more_questions_and_then_to_the_nearest_names():
    nothing = answer({**SEARCH, "query": "Acmee"}, {"records": []})
    asking = look("Acmee", nothing)
    assert isinstance(asking, Asking)
    assert len(asking.calls) == 2
    nearest = answer({**GET, "record_id": "Acmee"}, error="No account 'Acmee'. Nearest: 'Acme' (A-1).")
    alike = answer({**SEARCH, "query": "Acm", "limit": 50}, {"records": [row("A-1", "Acme"), row("A-2", "Acmer Ltd")]})
    told = look("Acmee", nothing, nearest, alike)
    assert told == Unknown("No account 'Acmee'. Nearest: 'Acme' (A-1). Others that begin alike: 'Acmer Ltd' (A-2).")


def test_a_crm_that_does_not_answer_is_the_problem():
    asked = {None: LIST, "Acme": {**SEARCH, "query": "Acme"}, "ACC-1": {**GET, "record_id": "ACC-1"}}
    for wanted, args in asked.items():
        known = look(wanted, answer(args, error="The CRM does not answer."))
        assert isinstance(known, Unknown)
        assert "The CRM does not answer." in known.problem


def test_an_id_that_does_not_look_like_one_is_found_all_the_same():
    nothing = answer({**SEARCH, "query": "north-west"}, {"records": []})
    alike = answer({**SEARCH, "query": "nor", "limit": 50}, {"records": []})
    got = answer({**GET, "record_id": "north-west"}, {"record": row("north-west")})
    assert look("north-west", nothing, alike, got) == Identified("north-west")
