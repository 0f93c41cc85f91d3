"""Whether two tools take the same arguments."""

from collections.abc import Mapping
from typing import Any, cast

_ANNOTATIONS = frozenset(
    {"$comment", "default", "deprecated", "description", "examples", "readOnly", "title", "writeOnly"}
)
"""Keywords that explain a value and do not restrict it (JSON Schema 2020-12, Validation, section 9)."""

_NAMED_SCHEMAS = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"})
"""Keywords whose keys are names, not keywords."""

_UNORDERED = frozenset({"enum", "required"})
"""Keywords whose lists are sets."""


def argument_differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Return what keeps a call that fits one tool from fitting the other, in words; empty if nothing does.

    Compares properties, their schemas and which are required. Titles, descriptions, defaults and examples may differ:
    they restrict nothing.

    Args:
        ours: One tool's arguments as JSON Schema of an object, references resolved.
        theirs: The other's.
    """
    our_properties = _restrictions(ours.get("properties", {}), of_names=True)
    their_properties = _restrictions(theirs.get("properties", {}), of_names=True)
    our_required, their_required = set(ours.get("required", ())), set(theirs.get("required", ()))
    both = our_properties.keys() & their_properties.keys()
    findings = {
        "only the first has": our_properties.keys() - both,
        "only the second has": their_properties.keys() - both,
        "of another type or range": {name for name in both if our_properties[name] != their_properties[name]},
        "required by the first only": (our_required - their_required) & both,
        "required by the second only": (their_required - our_required) & both,
    }
    return [f"{finding} {sorted(names)}" for finding, names in findings.items() if names]


def _restrictions(schema: Any, *, of_names: bool = False) -> Any:
    """Return the schema without its annotations, its unordered lists in one order."""
    if isinstance(schema, list):
        return [_restrictions(each) for each in cast("list[Any]", schema)]
    if not isinstance(schema, Mapping):
        return schema
    kept: dict[str, Any] = {}
    for key, value in cast("Mapping[str, Any]", schema).items():
        if of_names:
            kept[key] = _restrictions(value)
        elif key in _UNORDERED:
            kept[key] = sorted(map(repr, value))
        elif key == "const":
            kept[key] = value
        elif key not in _ANNOTATIONS:
            kept[key] = _restrictions(value, of_names=key in _NAMED_SCHEMAS)
    return kept
