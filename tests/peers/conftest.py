"""Each test here is one defect that was met, and reproduced, in a library for the same purpose.

A test takes its subject from `subject_of`: ours has to pass; the peers that the development extra installs run through
the same test and are expected to fail it, which keeps the tests honest. A peer that has been mended since shows as
`xpassed` and harms nothing.
"""

import pytest

from tests.state.redis.conftest import new_state, server, shared_server

__all__ = ["new_state", "server", "shared_server"]


def ours_and(**peers):
    """Parametrize a test over ours (to pass) and peers by name (known to fail)."""
    known = [
        pytest.param(peer, id=name, marks=pytest.mark.xfail(reason=f"the defect, as {name} has it", strict=False))
        for name, peer in peers.items()
    ]
    return pytest.mark.parametrize("kind", [pytest.param("ours", id="ours"), *known])
