"""Statistics as JSON: to take along, to look at, to begin with."""

import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, cast

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.selection.arms import ArmRecord, ArmStore
from salesboost_tools.selection.statistics import ArmStatistics

FORMAT_VERSION = 1

_FIELDS = frozenset(field.name for field in fields(ArmStatistics))


def export_arms(store: ArmStore) -> dict[str, Any]:
    """Return everything a store knows, as JSON knows it."""
    return {
        "version": FORMAT_VERSION,
        "groups": {
            group: {
                arm: {**asdict(record.statistics), "last_used_s": record.last_used_s, "last_error": record.last_error}
                for arm, record in arms.items()
            }
            for group, arms in store.records().items()
        },
    }


def arms_in(exported: Mapping[str, Any], store: ArmStore) -> dict[tuple[str, str], ArmRecord]:
    """Return what was exported by group and tool, for a store that knows none of these tools: it would count twice.

    Raises:
        ConfigurationError: It is no export, of another version, or the store already knows one of the tools.
    """
    version = _object(exported, "what was exported").get("version")
    if version != FORMAT_VERSION:
        raise ConfigurationError(f"statistics of version {version!r} cannot be read; this is version {FORMAT_VERSION}")
    records = {
        (group, arm): _record_of(group, arm, sums)
        for group, arms in _object(exported.get("groups"), "`groups`").items()
        for arm, sums in _object(arms, f"the group `{group}`").items()
    }
    known = store.records()
    twice = sorted(f"{group}/{arm}" for group, arm in records if arm in known.get(group, {}))
    if twice:
        raise ConfigurationError(f"already known here, and would count twice: {twice}; import into an empty store")
    return records


def add_arms(store: ArmStore, records: Mapping[tuple[str, str], ArmRecord]) -> None:
    """Add what `arms_in` returned."""
    for (group, arm), record in records.items():
        store.add(group, arm, record.statistics, used_at_s=record.last_used_s or 0.0, error=record.last_error)


def _record_of(group: str, arm: str, sums: Any) -> ArmRecord:
    sums = _object(sums, f"`{arm}` of `{group}`")
    numbers = {name: sums[name] for name in _FIELDS if name in sums}
    wrong = sorted(
        name for name, value in numbers.items() if not isinstance(value, int | float) or not 0 <= value < math.inf
    )
    if wrong or len(numbers) < len(_FIELDS):
        raise ConfigurationError(
            f"`{arm}` of `{group}`: not finite numbers of 0 or more: {wrong or sorted(_FIELDS - set(sums))}"
        )
    return ArmRecord(ArmStatistics(**numbers), sums.get("last_used_s"), sums.get("last_error"))


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{what} is no JSON object: {value!r}; import what `export_learnt` returned")
    return cast("Mapping[str, Any]", value)
