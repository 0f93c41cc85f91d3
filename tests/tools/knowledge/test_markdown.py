"""Markdown with a YAML head is cut where its author meant it to be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.knowledge.markdown import Block, blocks, decode, split_head, validate


def test_every_value_of_a_head_stays_text():
    head, body = split_head("---\nversion: 1.10\ncountry: NO\nday: 2026-01-02\n---\nText\n", "a.md")
    assert head == {"version": "1.10", "country": "NO", "day": "2026-01-02"}
    assert body == "Text\n"


def test_a_file_without_a_head_is_all_text():
    assert split_head("# Title\n\n---\n\nText", "a.md") == (None, "# Title\n\n---\n\nText")


def test_a_rule_in_the_text_does_not_end_the_head_early():
    head, body = split_head("---\na: b\n---\none\n\n---\n\ntwo", "a.md")
    assert head == {"a": "b"}
    assert body == "one\n\n---\n\ntwo"


@pytest.mark.parametrize("head", ["- a list", "just text", "a: [b", "a: b\n c: d: e"])
def test_a_head_that_is_no_mapping_names_the_file(head):
    with pytest.raises(ConfigurationError, match=r"broken\.md"):
        split_head(f"---\n{head}\n---\n", "broken.md")


def test_yaml_can_make_nothing_but_text_lists_and_mappings():
    head, _ = split_head("---\na: !!python/object/apply:os.getcwd []\n---\n", "a.md")
    assert head == {"a": []}


def test_text_is_cut_at_headings_of_its_level_only():
    text = "before\n## One\nfirst\n### Deeper\nmore\n# Higher\n## Two\nlast"
    assert blocks(text) == [
        Block("", "before"),
        Block("One", "first\n### Deeper\nmore\n# Higher"),
        Block("Two", "last"),
    ]


def test_what_looks_like_a_heading_in_code_is_code():
    assert blocks("## Code\n```\n## not a heading\n```\nend") == [Block("Code", "```\n## not a heading\n```\nend")]


def test_a_wrong_head_names_every_field():
    class Head(BaseModel):
        title: str
        size: int

    with pytest.raises(ConfigurationError, match=r"a\.md: title: .*; size: "):
        validate(Head, {"size": "big"}, "a.md")


@given(st.binary(max_size=200))
def test_any_bytes_become_text_without_nul_and_with_equal_line_ends(raw):
    text = decode(raw)
    assert "\0" not in text
    assert "\r" not in text
    text.encode("utf-8")


@given(st.text(max_size=300))
def test_no_line_of_text_is_lost(text):
    found = blocks(text)
    lines = [line for block in found for line in (block.heading, *block.text.split("\n"))]
    words = [word.strip("# ") for line in text.split("\n") for word in line.split()]
    assert all(any(word in line for line in lines) for word in words)
