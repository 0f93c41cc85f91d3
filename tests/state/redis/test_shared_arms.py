"""Workers share what they learn through a ledger on Redis."""

import pytest

from salesboost_tools.state.redis_ledger import RedisLedger
from tests.selection.shared_contract import SharedContract


class TestSharedArmsOnRedis(SharedContract):
    @pytest.fixture(autouse=True)
    def states(self, new_state):
        self._new_state = new_state

    def ledger(self, **options):
        self._state = self._new_state()
        return RedisLedger(self._state, self._state.cache._prefix, **options)

    def lose_everything(self, ledger):
        self._state.delete_matching(f"{self._state.cache._prefix}:{{ledger}}:*".encode())
