"""A tool governed without handlers is indistinguishable from the bare tool."""

import pytest
from langchain_core.utils.function_calling import convert_to_openai_tool

from salesboost_tools.governed import govern
from tests.governed.side_by_side import WAYS, as_tool_call, both, invoking, plain
from tests.governed.specimens import classes, errors, functions, schemas

SPECIMENS = {**functions.SPECIMENS, **classes.SPECIMENS, **schemas.SPECIMENS}

INPUTS = {
    "arguments": lambda specimen: dict(specimen.args),
    "a model's call": lambda specimen: as_tool_call("any", specimen.args),
    "bad arguments": lambda specimen: dict(specimen.bad),
    "a model's bad call": lambda specimen: as_tool_call("any", specimen.bad),
    "text": lambda specimen: "7",
    "nothing": lambda specimen: {},
    "neither text nor arguments": lambda specimen: [1, 2],
}

specimens = pytest.mark.parametrize("specimen", SPECIMENS.values(), ids=SPECIMENS)


@specimens
@pytest.mark.parametrize("made", INPUTS.values(), ids=INPUTS)
@pytest.mark.parametrize("way", WAYS)
def test_every_call_comes_out_and_is_heard_as_that_of_the_bare_tool(specimen, made, way):
    bare, governed = both(specimen.make, way, invoking(made(specimen)))
    assert governed == bare


@pytest.mark.parametrize("specimen", errors.SPECIMENS.values(), ids=errors.SPECIMENS)
@pytest.mark.parametrize("made", ["arguments", "a model's call", "a model's bad call"])
@pytest.mark.parametrize("way", WAYS)
def test_every_failure_comes_out_and_is_heard_as_that_of_the_bare_tool(specimen, made, way):
    bare, governed = both(specimen.make, way, invoking(INPUTS[made](specimen)))
    assert governed == bare


@specimens
def test_whoever_looks_at_it_sees_the_bare_tool(specimen):
    bare = specimen.make()
    governed = govern(bare)
    for look in LOOKS:
        assert _or_error(look, governed) == _or_error(look, bare)


LOOKS = [
    convert_to_openai_tool,
    lambda tool: tool.args,
    lambda tool: tool.is_single_input,
    lambda tool: _json_schema(tool.get_input_schema()),
    lambda tool: tool.get_input_jsonschema(),
    lambda tool: tool.get_output_jsonschema(),
    lambda tool: _json_schema(tool.tool_call_schema),
    lambda tool: (tool.name, tool.get_name(), tool.description, tool.args_schema, tool.extras, tool.tags),
    lambda tool: (tool.metadata, tool.verbose, tool.return_direct, tool.response_format, tool.callbacks),
    lambda tool: (tool.handle_tool_error, tool.handle_validation_error, tool._injected_args_keys),
]


def _json_schema(schema):
    if isinstance(schema, dict):
        return schema
    return schema.model_json_schema() if hasattr(schema, "model_json_schema") else schema.schema()


def _or_error(look, tool):
    try:
        return look(tool)
    except Exception as error:
        return plain(error)
