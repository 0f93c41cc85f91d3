"""Several windows at once: what may be asked of a limit store."""

from collections.abc import Sequence

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.rate import fit
from salesboost_tools.state.protocols import LimitClaim


def fit_together(claims: Sequence[LimitClaim]) -> None:
    """Refuse claims that could never pass together.

    Raises:
        ConfigurationError: Two claims name one key, or a claim asks for more than its bucket holds.
    """
    if len({claim.key for claim in claims}) != len(claims):
        keys = sorted(claim.key for claim in claims)
        raise ConfigurationError(f"claims taken together need a key each; got {keys}")
    for claim in claims:
        if claim.tokens != 1:
            fit(claim.bucket, claim.tokens)
