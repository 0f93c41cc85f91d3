"""Metrics as text for a scraper, of this process or of all workers."""

import os

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder in which the workers of one service leave their figures; prometheus_client's own setting."""


def exposition(accept: str, registry: CollectorRegistry | None = None) -> tuple[str, bytes]:
    """Return the media type and the metrics in the format that a scraper accepts.

    Args:
        accept: The scraper's `Accept` header: OpenMetrics if it names it, else Prometheus's text format.
        registry: Which metrics; None for the default ones, of all workers if they share a folder.
    """
    encode, media_type = choose_encoder(accept)
    return media_type, encode(registry or _registry_of_all_workers())


def _registry_of_all_workers() -> CollectorRegistry:
    if MULTIPROCESS_VARIABLE not in os.environ:
        return REGISTRY
    together = CollectorRegistry()
    MultiProcessCollector(together)
    return together
