"""Memories of learning policies as JSON: what they were learnt with has to fit."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.reward import RewardWeights


@contextmanager
def reading(dumped: Mapping[str, Any], kind: str, weights: RewardWeights) -> Generator[None]:
    """Check a dump before it is read, and say of whatever is wrong with it what to do.

    Args:
        dumped: What `Memory.dump` returned, perhaps in another process or release.
        kind: What a dump of this memory says it is.
        weights: What the rewards in it have to be made of.

    Raises:
        ConfigurationError: It is another kind's, was learnt with other weights, or cannot be read.
    """
    try:
        found, version = dumped["kind"], dumped["weights"]
        if found != kind:
            raise ConfigurationError(f"this memory reads dumps of {kind!r}, not of {found!r}; start with an empty one")
        if version != weights.version:
            raise ConfigurationError(
                f"the dump was learnt with the reward {version!r}, the selector has {weights.version!r}; "
                "start with an empty memory, the totals still count"
            )
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"no readable dump of {kind!r}: {error!r}; start with an empty memory") from error
