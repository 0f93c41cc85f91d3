"""What which role sees of people, and who may erase: rules in a file."""

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.text_patterns import mask_all, mask_email, mask_patterns, mask_places

Kind = Literal["email", "phone", "name", "text"]
"""`text`: addresses and numbers within notes."""

_DIGITS_KEPT, _DIGITS_AT_LEAST = 2, 7


class RoleRule(BaseModel):
    """What one role sees."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    masked: frozenset[Kind] = frozenset()
    may_erase: bool = False

    def shown(self, kind: Kind, value: str | None) -> str | None:
        """Return a value as this role sees it."""
        if value is None or kind not in self.masked:
            return value
        match kind:
            case "email":
                return mask_email(value)
            case "phone":
                return mask_places(value, _DIGITS_KEPT, _DIGITS_AT_LEAST)
            case "name":
                return mask_all(value)
            case "text":
                return mask_patterns(value)


class RoleRules(BaseModel):
    """All roles; `others` holds for those that are not named."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    roles: Mapping[str, RoleRule]
    others: RoleRule

    def of(self, role: str | None) -> RoleRule:
        """Return the rule of a role."""
        return self.roles.get(role or "", self.others)

    def erasers(self) -> list[str]:
        """Return the roles that may erase."""
        return sorted(name for name, rule in self.roles.items() if rule.may_erase)


def read_roles(source: Traversable | None = None) -> RoleRules:
    """Return the rules of a file, the shipped ones by default.

    Raises:
        ConfigurationError: It cannot be read or is wrong; the message names the entry.
    """
    file = source or files("salesboost_tools") / "data" / "profile" / "roles.yaml"
    try:
        return RoleRules.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(
            f"cannot read who sees what of profiles, {file}: {error} (setting TOOL_PROFILE_ROLES)"
        ) from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'file'}: {each['msg']}" for each in error.errors())
        raise ConfigurationError(f"{file} is wrong: {wrong} (setting TOOL_PROFILE_ROLES)") from error
