"""Equivalent tools behind one name."""

import pytest
from langchain_core.tools import StructuredTool
from pydantic import BaseModel

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.selection.group import ToolGroup
from tests.doubles import ScriptedTool

READ = ToolSpec(effect=Effect.READ)
WRITE = ToolSpec(effect=Effect.WRITE)
EITHER = ToolSpec(effect=lambda args: Effect.READ)


def tool(name: str, spec: ToolSpec = READ) -> ScriptedTool:
    return ScriptedTool(name=name, description=f"Answers as {name}.", spec=spec)


class Other(BaseModel):
    question: str


class Unspecified(ScriptedTool):
    spec: None = None


def test_a_model_is_shown_one_name_one_description_and_the_arguments():
    group = ToolGroup("search", variants=[tool("lexical"), tool("semantic")], description="Finds articles.")
    assert group.definition == {
        "type": "function",
        "function": {
            "name": "search",
            "description": "Finds articles.",
            "parameters": {"type": "object", "properties": {"query": {"type": "string", "default": "q"}}},
        },
    }


def test_the_first_variant_lends_what_is_not_given():
    first, second = tool("lexical"), tool("semantic")
    group = ToolGroup("search", [first, second])
    assert group.description == "Answers as lexical."
    assert group.args_schema is first.args_schema
    assert group.names == ("lexical", "semantic")
    assert group.by_name["semantic"] is second


def test_an_empty_description_is_a_description():
    assert ToolGroup("search", [tool("lexical")], description="").description == ""


def test_a_group_needs_a_variant():
    with pytest.raises(ConfigurationError, match="`search` needs at least one"):
        ToolGroup("search", [])


def test_two_variants_of_one_name_are_refused():
    with pytest.raises(ConfigurationError, match=r"more than once: \['a'\]"):
        ToolGroup("search", [tool("a"), tool("b"), tool("a")])


@pytest.mark.parametrize("name", ["", "two words", "x" * 65, "(unnamed)"])
def test_a_name_that_no_model_could_call_is_refused(name):
    with pytest.raises(ConfigurationError, match="1 to 64 letters"):
        ToolGroup(name, [tool("a")])


def test_variants_that_take_other_arguments_are_refused_with_the_difference():
    other = StructuredTool.from_function(lambda question: question, name="other", description="d", args_schema=Other)
    with pytest.raises(
        ConfigurationError, match=r"`lexical` and `other`.*first has \['query'\].*second has \['question'\]"
    ):
        ToolGroup("search", [tool("lexical"), other])


@pytest.mark.parametrize(
    ("variants", "explored"),
    [
        ([tool("a"), tool("b")], True),
        ([tool("a"), tool("b", WRITE)], False),
        ([tool("a"), tool("b", EITHER)], False),
        ([tool("a"), Unspecified(name="b")], False),
    ],
    ids=["reads", "a write", "a write at times", "nothing known"],
)
def test_only_tools_that_always_read_are_explored_unasked(variants, explored):
    assert ToolGroup("search", variants).explore is explored
    assert ToolGroup("search", variants, explore=True).explore is True
    assert ToolGroup("search", variants, explore=False).explore is False


def test_a_group_shows_what_it_is():
    assert repr(ToolGroup("search", [tool("a")])) == "ToolGroup('search', variants=['a'], explore=True)"
