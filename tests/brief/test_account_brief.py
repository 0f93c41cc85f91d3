"""A brief rests on sources that it lists, and reads as Markdown and as JSON."""

import pytest
from pydantic import ValidationError

from salesboost_tools.brief import AccountBrief, TemplateWriter
from salesboost_tools.brief.account_brief import Statement
from salesboost_tools.brief.markdown import to_markdown
from salesboost_tools.brief.writing.template_writer import with_sources
from tests.brief.builders import activity, contact, deal, findings, passage

FOUND = findings(
    activities=[activity(1, "Your price per seat is too high.", days_ago=40)],
    contacts=(contact(1, "procurement"),),
)


@pytest.fixture
def brief():
    return TemplateWriter().write((), FOUND, "rules")


def test_what_is_cited_must_be_among_the_sources(brief):
    invented = brief.model_dump() | {"situation": [{"text": "They will sign.", "cites": ["ACT-99999"]}]}
    with pytest.raises(ValidationError, match="ACT-99999"):
        AccountBrief.model_validate(invented)


def test_a_statement_without_a_source_does_not_exist():
    with pytest.raises(ValidationError):
        Statement(text="They will sign.", cites=())


def test_it_lists_the_sources_it_cites_and_no_others(brief):
    assert {source.key for source in brief.sources} == brief.cited()


def test_a_changed_brief_lists_what_the_change_cites(brief):
    shorter = with_sources(brief.model_copy(update={"people": (), "next_steps": (), "why": (), "answers": ()}), FOUND)
    assert {source.key for source in shorter.sources} == {"A-1", "D-1", "T-1"}


def test_it_survives_json(brief):
    assert AccountBrief.model_validate_json(brief.model_dump_json()) == brief


def test_the_markdown_holds_every_statement_with_its_citation(brief):
    text = to_markdown(brief)
    for statement in (*brief.situation, *brief.why):
        assert f"- {statement.text} [{', '.join(statement.cites)}]" in text
    for part in ("# Ferrowick:", "## Why it stalls", "## People", "## Next steps", "## Sources"):
        assert part in text


def test_a_deal_that_moves_does_not_stall():
    moving = findings(deal=deal(silent_days=3), activities=[activity(1, "All well.", days_ago=3)])
    assert TemplateWriter().write((), moving, "rules").why_heading == "What is open"


def test_an_objection_without_an_answer_says_so(brief):
    [answer] = brief.answers
    assert answer.answers == ()
    assert "No answer was found." in to_markdown(brief)


def test_next_to_nothing_found_still_makes_a_brief():
    bare = findings(account=None, deal=None, contacts=(), passages=(passage(),))
    brief = TemplateWriter().write((), bare, "rules")
    assert brief.headline == "A-1: no open deal"
    assert brief.sources == ()
    assert to_markdown(brief).startswith("# A-1: no open deal")
