"""Metrics as text for a scraper, of this process or of all workers."""

import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder in which the workers of one service leave their figures; prometheus_client's own setting."""

_LIVE_GAUGE = re.compile(r"gauge_live\w*?_(\d+)\.db")


def exposition(accept: str, registry: CollectorRegistry | None = None) -> tuple[str, bytes]:
    """Return the media type and the metrics in the format that a scraper accepts.

    Args:
        accept: The scraper's `Accept` header: OpenMetrics if it names it, else Prometheus's text format.
        registry: Which metrics; None for the default ones, of all workers if they share a folder.
    """
    encode, media_type = choose_encoder(accept)
    return media_type, encode(registry or _registry_of_all_workers())


@contextmanager
def figures_of_workers() -> Generator[None]:
    """Give the processes that are started meanwhile a folder for their figures, unless one is named already.

    prometheus_client looks at it when it is imported, so it counts for processes that start afresh, not for this one.
    """
    if os.environ.get(MULTIPROCESS_VARIABLE):
        yield
        return
    with TemporaryDirectory(prefix="salesboost-metrics-") as folder:
        os.environ[MULTIPROCESS_VARIABLE] = folder
        try:
            yield
        finally:
            del os.environ[MULTIPROCESS_VARIABLE]


def leave_no_gauges() -> None:
    """Take this process's gauges back: what it has open now is nothing any more. Its counts stay."""
    if MULTIPROCESS_VARIABLE in os.environ:
        _take_back_gauges(Path(os.environ[MULTIPROCESS_VARIABLE]), os.getpid())


def _registry_of_all_workers() -> CollectorRegistry:
    if MULTIPROCESS_VARIABLE not in os.environ:
        return REGISTRY
    _bury_the_dead(Path(os.environ[MULTIPROCESS_VARIABLE]))
    together = CollectorRegistry()
    MultiProcessCollector(together)
    return together


def _bury_the_dead(folder: Path) -> None:
    """Take back the gauges of workers that were killed, for they could not do so themselves."""
    pids = {int(found[1]) for file in folder.glob("gauge_live*.db") if (found := _LIVE_GAUGE.fullmatch(file.name))}
    for pid in pids:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            _take_back_gauges(folder, pid)
        except PermissionError:  # it lives, as somebody else
            continue


def _take_back_gauges(folder: Path, pid: int) -> None:
    for file in folder.glob(f"gauge_live*_{pid}.db"):
        file.unlink(missing_ok=True)
