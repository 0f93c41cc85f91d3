"""The playbook: which words mean which objection, and what is looked up, quoted and offered then. Data, not code."""

import re
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from salesboost_tools.core.errors import ConfigurationError


def _can_be_compiled(sign: str) -> str:
    try:
        re.compile(sign, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return sign


Sign = Annotated[str, AfterValidator(_can_be_compiled)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Objection(_Entry):
    """Something customers say against buying; `playbook.yaml` explains the fields."""

    key: str
    name: str
    signs: tuple[Sign, ...] = Field(min_length=1)
    roles: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    question: str
    lines: dict[str, int] = Field(default_factory=dict[str, int])
    codes: tuple[str, ...] = ()
    matches_price: bool = False

    def is_in(self, text: str) -> bool:
        """Return whether a text holds one of the signs."""
        return has_sign(self.signs, text)

    def hits(self, text: str) -> int:
        """Return how many of the signs a text holds."""
        return sum(has_sign((sign,), text) for sign in self.signs)


class Term(_Entry):
    """A longer term, the words that ask for it, and the codes that reward it."""

    months: int = Field(ge=1, le=60)
    signs: tuple[Sign, ...]
    codes: tuple[str, ...] = ()


class Bundle(_Entry):
    """Codes for products bought together: one product code begins with each of `needs`."""

    needs: tuple[str, ...]
    codes: tuple[str, ...]


class Silence(_Entry):
    """What to ask when a customer has been silent for so many days."""

    after_days: int = Field(ge=1)
    question: str


class Power(Silence):
    """What to ask when somebody with a role has been silent for so many days."""

    role: str


class Approval(_Entry):
    """What to ask before a discount is named."""

    question: str


class Playbook(_Entry):
    """All rules that are data; `dismissed` are the signs of a sentence that raises no objection, but lays one aside."""

    stalled: Silence
    power: Power
    approval: Approval
    dismissed: tuple[Sign, ...] = ()
    objections: tuple[Objection, ...]
    terms: tuple[Term, ...] = ()
    bundles: tuple[Bundle, ...] = ()


def has_sign(signs: tuple[str, ...], text: str) -> bool:
    """Return whether a text holds one of the signs, case ignored."""
    return any(re.search(sign, text, re.IGNORECASE) for sign in signs)


def read_playbook(file: Traversable) -> Playbook:
    """Read a playbook.

    Raises:
        ConfigurationError: It is no YAML or breaks a rule; names the file and the field.
    """
    try:
        values: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
        return Playbook.model_validate(values)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{file.name}: {error}") from None
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        raise ConfigurationError(f"{file.name}: {'; '.join(problems)}") from None


@cache
def shipped_playbook() -> Playbook:
    """Return the playbook that comes with the package."""
    return read_playbook(files("salesboost_tools.brief") / "playbook.yaml")
