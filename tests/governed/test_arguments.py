"""The planned way to read an input gives the very arguments that LangChain's own way gives."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesboost_tools.governed.arguments import plan_parse
from tests.governed.side_by_side import plain
from tests.governed.specimens import functions, schemas

VARIADIC = {name: functions.SPECIMENS[name] for name in ("*args and **kwargs", "only **kwargs", "optional arguments")}
SPECIMENS = {**VARIADIC, **schemas.SPECIMENS}

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats()
    | st.sampled_from(["", "1", "2026-01-01", "many", "ü"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["x", "sku", "quantity"]), inner),
    max_leaves=4,
)
names = st.sampled_from(
    ["x", "y", "number", "text", "words", "lines", "many", "when", "twice", "secret", "args", "kwargs", "tool_call_id"]
)
inputs = st.dictionaries(names, values, max_size=4) | st.sampled_from(["", "1", "many"])
ids = st.none() | st.just("call-1")


@pytest.mark.parametrize("specimen", SPECIMENS.values(), ids=SPECIMENS)
@settings(max_examples=40)
@given(tool_input=inputs, tool_call_id=ids)
def test_any_input_is_read_as_by_the_bare_tool(specimen, tool_input, tool_call_id):
    tool = specimen.make()
    parse = plan_parse(tool)
    assert _read(parse, tool_input, tool_call_id) == _read(tool._to_args_and_kwargs, tool_input, tool_call_id)


def _read(parse, tool_input, tool_call_id):
    own = dict(tool_input) if isinstance(tool_input, dict) else tool_input
    try:
        positional, named = parse(own, tool_call_id)
    except Exception as error:
        return plain(error), own
    return repr(plain((positional, named))), own
