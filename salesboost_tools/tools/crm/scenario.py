"""The moment the shipped data speaks of."""

import time
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files

import yaml

from salesboost_tools.core.clock import Clock
from salesboost_tools.tools.argument import Now


@cache
def scenario_as_of() -> datetime:
    """Return the "today" of the shipped data, aware, in UTC."""
    text = (files("salesboost_tools") / "data" / "scenario.yaml").read_text(encoding="utf-8")
    return datetime.fromisoformat(yaml.safe_load(text)["as_of"]).astimezone(UTC)


def scenario_now(clock: Clock = time.monotonic) -> Now:
    """Return a `Now` that starts at the scenario's moment and goes on from there.

    A deal that has been silent for 47 days in the shipped data stays so, whenever the data is looked at.

    Args:
        clock: Monotonic seconds.
    """
    start_s, as_of = clock(), scenario_as_of()
    return lambda: as_of + timedelta(seconds=clock() - start_s)
