"""Statistics as JSON: to take along, to look at, to begin with."""

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


def import_arms(store: ArmStore, exported: Mapping[str, Any]) -> None:
    """Put what was exported into a store that knows none of these tools yet, so that nothing is counted twice.

    Raises:
        ConfigurationError: It is no export, of another version, or the store already knows one of the tools. Nothing
            has been imported then.
    """
    if exported.get("version") != FORMAT_VERSION:
        raise ConfigurationError(
            f"statistics of version {exported.get('version')!r} cannot be read; this is version {FORMAT_VERSION}"
        )
    records = {
        (group, arm): _record_of(group, arm, sums)
        for group, arms in exported.get("groups", {}).items()
        for arm, sums in arms.items()
    }
    known = store.records()
    twice = sorted(f"{group}/{arm}" for group, arm in records if arm in known.get(group, {}))
    if twice:
        raise ConfigurationError(f"already known here, and would count twice: {twice}; import into an empty store")
    for (group, arm), record in records.items():
        store.add(group, arm, record.statistics, used_at_s=record.last_used_s or 0.0, error=record.last_error)


def _record_of(group: str, arm: str, sums: Any) -> ArmRecord:
    if not isinstance(sums, Mapping):
        raise ConfigurationError(f"`{arm}` of `{group}`: expected an object, got {sums!r}")
    sums = cast("Mapping[str, Any]", sums)
    numbers = {name: sums[name] for name in _FIELDS if name in sums}
    wrong = sorted(name for name, value in numbers.items() if not isinstance(value, int | float) or not value >= 0)
    if wrong or len(numbers) < len(_FIELDS):
        raise ConfigurationError(
            f"`{arm}` of `{group}`: not numbers of 0 or more: {wrong or sorted(_FIELDS - set(sums))}"
        )
    return ArmRecord(ArmStatistics(**numbers), sums.get("last_used_s"), sums.get("last_error"))
