"""Tools by the schema of their arguments."""

import functools
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Generic, Literal, TypeVar

from langchain_core.tools import InjectedToolArg, InjectedToolCallId, StructuredTool, tool
from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    RootModel,
    computed_field,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.v1 import BaseModel as BaseModelV1
from pydantic.v1 import Field as FieldV1

from tests.governed.side_by_side import Specimen


class Aliased(BaseModel):
    x: int = Field(alias="number", default=1)
    y: str = Field(validation_alias=AliasChoices("text", "words"), default="y")


class AliasedByName(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    x: int = Field(alias="number")


class DumpedByAlias(BaseModel):
    model_config = ConfigDict(serialize_by_alias=True, populate_by_name=True)
    x: int = Field(alias="number", default=1)


class Defaults(BaseModel):
    x: int
    many: list[int] = Field(default_factory=list)
    when: date = date(2026, 1, 1)
    nothing: str | None = None


class Forbids(BaseModel):
    model_config = ConfigDict(extra="forbid")
    x: int


class Allows(BaseModel):
    model_config = ConfigDict(extra="allow")
    x: int


class Ignores(BaseModel):
    x: int


class Line(BaseModel):
    sku: str
    quantity: int = Field(ge=1)


class Nested(BaseModel):
    x: int
    lines: list[Line]
    best: Line | None = None


class Computes(BaseModel):
    x: int

    @computed_field
    def twice(self) -> int:
        return 2 * self.x


class Excludes(BaseModel):
    x: int
    secret: str = Field(default="s", exclude=True)


class SerialisesItself(BaseModel):
    x: int
    y: int = 2

    @model_serializer
    def _only_x(self) -> dict[str, Any]:
        return {"x": self.x}


class SerialisesAField(BaseModel):
    x: int

    @field_serializer("x")
    def _as_text(self, x: int) -> str:
        return str(x)


class DumpsItself(BaseModel):
    x: int
    y: int = 2

    def model_dump(self, **kwargs: Any) -> dict[str, Any]:
        return {"x": self.x}


class Validates(BaseModel):
    x: int

    @field_validator("x")
    @classmethod
    def _one_more(cls, x: int) -> int:
        return x + 1


class ReadsText(BaseModel):
    x: int

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        return {"x": given["words"]} if isinstance(given, dict) and "words" in given else given


class Remembers(BaseModel):
    x: int
    _seen: int = PrivateAttr(default=0)

    @functools.cached_property
    def twice(self) -> int:
        return 2 * self.x

    @model_validator(mode="after")
    def _look(self) -> Any:
        self._seen = self.twice
        return self


class Special(Ignores):
    y: int = 2


class BecomesAnother(Ignores):
    @model_validator(mode="wrap")
    @classmethod
    def _special(cls, given: Any, handler: Any) -> Any:
        handler(given)
        return Special(**given)


class ValidatesItsOwnWay(BaseModel):
    x: int

    @classmethod
    def model_validate(cls, obj: Any, **kwargs: Any) -> Any:
        return super().model_validate({"x": 1, **obj}, **kwargs)


Root = RootModel[dict[str, int]]

_Item = TypeVar("_Item")


class Pair(BaseModel, Generic[_Item]):
    x: _Item
    y: _Item


class Choice(BaseModel):
    x: Annotated[int | Literal["many"], Field(description="How many.")]


class Empty(BaseModel):
    """Takes nothing."""


class ArgsAndKwargs(BaseModel):
    x: int
    args: list[int] = [1]
    kwargs: dict[str, int] = {}


class Old(BaseModelV1):
    x: int = FieldV1(alias="number")
    y: str = "y"

    class Config:
        allow_population_by_field_name = True


class OldAndEmpty(BaseModelV1):
    pass


class Unknown:
    """Nothing that JSON could name."""


@tool
def takes_an_object(x: Unknown) -> str:
    """Take what no model can give."""
    return type(x).__name__


@tool
def takes_more_than_it_shows(x: int, secret: Annotated[str, InjectedToolArg] = "none") -> str:
    """Take a secret."""
    return f"{x} {secret}"


@tool
def takes_its_call_id(x: int, call: Annotated[str, InjectedToolCallId]) -> str:
    """Take the id of the call."""
    return f"{x} {call}"


@tool
def takes_tool_call_id(x: int, tool_call_id: Annotated[str, InjectedToolCallId]) -> str:
    """Take the id of the call under LangChain's own name for it."""
    return f"{x} {tool_call_id}"


class OldWithId(BaseModelV1):
    x: int
    call: Annotated[str, InjectedToolCallId] = "none"


JSON = {
    "title": "weigh",
    "type": "object",
    "description": "Weigh.",
    "properties": {"x": {"type": "integer"}, "y": {"type": "string", "default": "y"}},
    "required": ["x"],
}


def _shows(**arguments: Any) -> str:
    return str({name: repr(value) for name, value in arguments.items()})


async def _shows_later(**arguments: Any) -> str:
    return _shows(**arguments)


def with_schema(schema: Any) -> Callable[[], StructuredTool]:
    """Return a maker of a tool that shows the arguments it got."""
    return lambda: StructuredTool.from_function(
        _shows, _shows_later, name="shows", description="Shows.", args_schema=schema
    )


SPECIMENS = {
    "aliases": Specimen(with_schema(Aliased), {"number": 7, "words": "w"}, {"x": 8, "number": "n"}),
    "aliases, and their defaults": Specimen(with_schema(Aliased), {"x": 7, "y": "z"}, {"text": 1}),
    "aliases or names": Specimen(with_schema(AliasedByName), {"x": 7}, {"number": "n"}),
    "dumped by alias": Specimen(with_schema(DumpedByAlias), {"number": 7}, {"x": "n"}),
    "defaults": Specimen(with_schema(Defaults)),
    "defaults, given": Specimen(with_schema(Defaults), {"x": 1, "many": [2], "when": "2026-02-03", "nothing": "n"}),
    "extra forbidden": Specimen(with_schema(Forbids), {"x": 7}, {"x": 7, "more": 1}),
    "extra allowed": Specimen(with_schema(Allows), {"x": 7, "more": [1]}),
    "extra ignored": Specimen(with_schema(Ignores), {"x": "7", "more": 1}),
    "nested": Specimen(
        with_schema(Nested),
        {"x": 1, "lines": [{"sku": "a", "quantity": 2}], "best": {"sku": "b", "quantity": "3"}},
        {"x": 1, "lines": [{"sku": "a", "quantity": 0}]},
    ),
    "a computed field": Specimen(with_schema(Computes)),
    "a computed field, given": Specimen(with_schema(Computes), {"x": 7, "twice": 3}),
    "an excluded field": Specimen(with_schema(Excludes), {"x": 7, "secret": "t"}),
    "a serialiser of the model": Specimen(with_schema(SerialisesItself), {"x": 7, "y": 8}),
    "a serialiser of a field": Specimen(with_schema(SerialisesAField)),
    "its own model_dump": Specimen(with_schema(DumpsItself), {"x": 7, "y": 8}),
    "a validator of a field": Specimen(with_schema(Validates)),
    "a validator before": Specimen(with_schema(ReadsText), {"words": 7}),
    "a validator after, and what it remembers": Specimen(with_schema(Remembers)),
    "a validator around that gives another model": Specimen(with_schema(BecomesAnother)),
    "its own model_validate": Specimen(with_schema(ValidatesItsOwnWay), {}),
    "a root model": Specimen(with_schema(Root)),
    "a generic model": Specimen(with_schema(Pair[int]), {"x": 1, "y": "2"}, {"x": 1, "y": "two"}),
    "a choice": Specimen(with_schema(Choice), {"x": "many"}, {"x": "few"}),
    "no fields": Specimen(with_schema(Empty), {}, {"x": 1}),
    "fields named args and kwargs": Specimen(with_schema(ArgsAndKwargs)),
    "fields named args and kwargs, given": Specimen(
        with_schema(ArgsAndKwargs), {"x": 1, "args": [2], "kwargs": {"y": 3}}
    ),
    "pydantic v1": Specimen(with_schema(Old), {"number": 7}, {"number": "n"}),
    "pydantic v1, by name": Specimen(with_schema(Old), {"x": 7, "y": "z"}, {"y": []}),
    "pydantic v1, no fields": Specimen(with_schema(OldAndEmpty), {}, {"x": 1}),
    "pydantic v1 with the call's id": Specimen(with_schema(OldWithId)),
    "JSON schema": Specimen(with_schema(JSON)),
    "JSON schema without properties": Specimen(with_schema({"type": "object", "title": "shows"})),
    "JSON schema without description": Specimen(
        lambda: StructuredTool(name="shows", description="", func=_shows, args_schema=JSON)
    ),
    "an object JSON cannot name": Specimen(lambda: takes_an_object, {"x": Unknown()}),
    "an injected argument": Specimen(lambda: takes_more_than_it_shows, {"x": 7, "secret": "known"}),
    "an injected argument left out": Specimen(lambda: takes_more_than_it_shows),
    "the call's id": Specimen(lambda: takes_its_call_id),
    "the call's id, by its usual name": Specimen(lambda: takes_tool_call_id),
    "the call's id, given": Specimen(lambda: takes_tool_call_id, {"x": 7, "tool_call_id": "forged"}),
}
