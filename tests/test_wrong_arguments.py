"""Whoever gives wrong arguments is told what is wrong and what is allowed, and never hears the values again."""

from enum import Enum
from typing import Literal

import pytest
from langchain_core.tools import StructuredTool, tool
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from salesboost_tools.wrong_arguments import explained


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Line(Strict):
    sku: str
    quantity: int = Field(1, ge=1)


class Order(Strict):
    kind: Literal["offer", "order"]
    colour: Colour
    lines: list[Line] = []
    first: Line | None = None

    @model_validator(mode="after")
    def _an_order_has_lines(self):
        if self.kind == "order" and not self.lines:
            raise ValueError("an order needs lines")
        return self


@tool(args_schema=Order)
def order(**_values):
    """Orders."""


FINE = {"kind": "offer", "colour": "red"}


def said_of(arguments, known=order, name="order"):
    with pytest.raises(ValidationError) as raised:
        Order.model_validate(arguments)
    return explained(name, known, raised.value).removeprefix(f"The arguments of `{name}` are wrong. ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            {"kind": "offer"},
            "colour: Field required, one of 'red', 'blue'. It takes kind (needed), colour (needed), lines, first.",
        ),
        (
            {**FINE, "color": "s3cret"},
            "color: Extra inputs are not permitted. It takes kind (needed), colour (needed), lines, first.",
        ),
        (
            {**FINE, "lines": [{"sku": "A"}, {"sku": "A", "price": "s3cret"}]},
            "lines.1.price: Extra inputs are not permitted, only sku (needed), quantity",
        ),
        ({**FINE, "first": {}}, "first.sku: Field required"),
        (
            {**FINE, "first": {"sku": "A", "x": 1}},
            "first.x: Extra inputs are not permitted, only sku (needed), quantity",
        ),
        (
            {**FINE, "lines": [{"sku": "A", "quantity": -5}]},
            "lines.0.quantity: Input should be greater than or equal to 1",
        ),
        ({**FINE, "kind": "s3cret"}, "kind: Input should be 'offer' or 'order'"),
        ({**FINE, "kind": "order"}, "an order needs lines"),
    ],
    ids=str,
)
def test_what_is_wrong_comes_with_what_is_allowed_and_without_the_value(arguments, said):
    assert said_of(arguments) == said
    assert "s3cret" not in said_of(arguments)


def test_many_problems_are_counted_and_a_long_name_is_cut():
    said = said_of({**FINE, "lines": [{} for _ in range(14)]})
    assert said.count("Field required") == 10
    assert said.endswith("and 4 more")
    assert len(said_of({**FINE, "x" * 5000: 1})) < 200


def test_a_tool_that_nobody_knows_and_one_described_in_json_have_their_say_too():
    assert said_of({"kind": "offer"}, None) == "colour: Field required"
    described = StructuredTool(name="order", description="Orders.", args_schema=Order.model_json_schema(), func=print)
    assert said_of({"kind": "offer"}, described) == said_of({"kind": "offer"})
