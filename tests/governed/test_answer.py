"""An answer that is put together without validation is the message that LangChain would have made."""

import pickle
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.load import dumpd
from langchain_core.messages import ToolMessage
from langchain_core.tools.base import _format_output

from salesboost_tools.governed import answer
from salesboost_tools.governed.answer import formatted

texts = st.text(max_size=20)
contents = st.one_of(
    texts,
    st.none(),
    st.integers(),
    st.dictionaries(texts, st.integers(), max_size=2),
    st.lists(st.one_of(texts, st.builds(lambda text: {"type": "text", "text": text}, texts)), max_size=3),
    st.just((1, 2)),
    st.builds(lambda: ToolMessage("own", tool_call_id="own")),
)


@given(
    contents,
    st.one_of(st.none(), st.integers()),
    st.one_of(st.none(), texts),
    texts,
    st.sampled_from(("success", "error")),
)
def test_an_answer_is_the_message_langchain_makes(content, artifact, tool_call_id, name, status):
    ours = formatted(content, artifact, tool_call_id, name, status)
    theirs = _format_output(content, artifact, tool_call_id, name, status)
    assert type(ours) is type(theirs)
    assert ours == theirs
    if isinstance(ours, ToolMessage):
        assert ours.model_fields_set == theirs.model_fields_set
        assert (repr(ours), ours.text, ours.content_blocks) == (repr(theirs), theirs.text, theirs.content_blocks)
        assert dumpd(ours) == dumpd(theirs)
        assert pickle.loads(pickle.dumps(ours)) == theirs
        assert ours.model_copy(update={"id": "1"}, deep=True) == theirs.model_copy(update={"id": "1"})


def test_two_answers_share_nothing_that_can_be_changed():
    one, other = (formatted("found", None, "call_1", "look_up", "success") for _ in range(2))
    one.response_metadata["variant"] = "fast"
    one.additional_kwargs["seen"] = True
    one.name = "renamed"
    assert other == _format_output("found", None, "call_1", "look_up", "success")


def test_what_has_to_be_validated_is():
    assert formatted("found", None, uuid4(), "look_up", "success").tool_call_id.count("-") == 4
    with pytest.raises(ValueError, match="status"):
        formatted("found", None, "call_1", "look_up", "fine")


def test_a_langchain_that_makes_other_messages_makes_them_itself(monkeypatch):
    class Numbered(ToolMessage):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, id="given by a later version", **kwargs)

    monkeypatch.setattr(answer, "ToolMessage", Numbered)
    assert not answer._is_like_langchains()
    monkeypatch.setattr(answer, "_IS_LIKE_LANGCHAINS", False)
    monkeypatch.setattr(answer, "_made", None)
    assert formatted("found", None, "call_1", "look_up", "success").content == "found"
