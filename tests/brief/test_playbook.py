"""The playbook is data: the shipped one can be read, a wrong one says where."""

import pytest

from salesboost_tools.brief import build_account_brief
from salesboost_tools.brief.playbook import read_playbook, shipped_playbook
from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.crm.vocabulary import BuyingRole
from salesboost_tools.tools.pricing import default_price_book

WHOLE = """
stalled: {after_days: 30, question: q}
power: {role: economic_buyer, after_days: 60, question: q}
approval: {question: q}
objections:
  - {key: colour, name: Colour, signs: [purple], question: paint}
"""


def test_the_shipped_one_speaks_of_products_codes_and_roles_that_exist():
    playbook, book = shipped_playbook(), default_price_book()
    for objection in playbook.objections:
        assert all(book.product(sku) for sku in objection.lines)
        assert set(objection.codes) <= book.terms.discount_codes.keys()
        assert set(objection.roles) <= set(BuyingRole.__args__)
    for group in (*playbook.terms, *playbook.bundles):
        assert set(group.codes) <= book.terms.discount_codes.keys()
    assert len({objection.key for objection in playbook.objections}) == len(playbook.objections)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("stalled: [", "playbook.yaml"),
        (WHOLE.replace("after_days: 30", "after_days: soon"), "stalled.after_days"),
        (WHOLE.replace("[purple]", "['(']"), "objections.0.signs.0"),
        (WHOLE + "colour: red", "colour"),
    ],
)
def test_a_wrong_one_names_file_and_field(tmp_path, text, place):
    file = tmp_path / "playbook.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=place.replace(".", r"\.")) as raised:
        read_playbook(file)
    assert "playbook.yaml" in str(raised.value)


async def test_ones_own_playbook_decides_what_is_asked(make_toolkit, tmp_path):
    file = tmp_path / "playbook.yaml"
    file.write_text(WHOLE.replace("purple", "rehearsal"))
    graph = build_account_brief(make_toolkit(), playbook=read_playbook(file))
    brief = (await graph.ainvoke({"account": "ACC-0042"}))["brief"]
    assert {answer.objection for answer in brief.answers} <= {"Colour"}
