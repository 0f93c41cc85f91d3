"""Two tools take the same arguments if a call that fits one fits the other."""

from typing import Literal

import pytest
from pydantic import BaseModel, Field

from salesboost_tools.selection.arguments import argument_differences


class Asked(BaseModel):
    query: str = Field(description="What to look for.")
    top_k: int = Field(5, ge=1, le=20)
    order: Literal["date", "rank"] = "rank"


class AskedInOtherWords(BaseModel):
    order: Literal["rank", "date"] = Field("date", description="How to sort.")
    top_k: int = Field(3, ge=1, le=20, title="Number of hits", examples=[3])
    query: str


def test_wording_defaults_and_order_may_differ():
    assert argument_differences(Asked.model_json_schema(), AskedInOtherWords.model_json_schema()) == []


class WithTitle(BaseModel):
    title: str
    description: int
    default: bool = False


class WithoutTitle(BaseModel):
    description: str
    default: bool = False


def test_an_argument_called_like_a_keyword_is_an_argument():
    assert argument_differences(WithTitle.model_json_schema(), WithoutTitle.model_json_schema()) == [
        "only the first has ['title']",
        "of another type or range ['description']",
    ]


class Narrower(BaseModel):
    query: str
    top_k: int = Field(5, ge=1, le=10)
    order: Literal["date", "rank"] = "rank"


class Paged(BaseModel):
    query: str = ""
    top_k: int = Field(ge=1, le=20)
    order: Literal["date", "rank"] = "rank"
    page: int = 1


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (Narrower, ["of another type or range ['top_k']"]),
        (
            Paged,
            [
                "only the second has ['page']",
                "required by the first only ['query']",
                "required by the second only ['top_k']",
            ],
        ),
    ],
)
def test_every_difference_is_named(other, difference):
    assert argument_differences(Asked.model_json_schema(), other.model_json_schema()) == difference


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"type": "array", "items": {"type": "string"}}, {"type": "array", "items": {"type": "integer"}}),
        ({"const": {"title": 1}}, {"const": {"title": 2}}),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        ({"type": "object", "properties": {"title": {"type": "string"}}}, {"type": "object", "properties": {}}),
        ({"enum": [1, 2]}, {"enum": ["1", "2"]}),
    ],
    ids=repr,
)
def test_differences_are_found_at_any_depth(ours, theirs):
    first, second = {"properties": {"x": ours}}, {"properties": {"x": theirs}}
    assert argument_differences(first, second) == ["of another type or range ['x']"]
    assert argument_differences(first, first) == []


def test_tools_without_arguments_agree():
    assert argument_differences({}, {"type": "object", "properties": {}}) == []
