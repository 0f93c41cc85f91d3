"""A ledger on Redis."""

import pytest

from salesboost_tools.core.errors import StateUnavailableError
from salesboost_tools.state.redis_ledger import RedisLedger
from tests.state.ledger_contract import LedgerContract, batch


class TestRedisLedger(LedgerContract):
    @pytest.fixture(autouse=True)
    def states(self, new_state):
        self._new_state = new_state

    def ledger(self, **options):
        self._state = self._new_state()
        return RedisLedger(self._state, self._state.cache._prefix, **options)

    def lose_everything(self, ledger):
        self._state.delete_matching(f"{self._state.cache._prefix}:{{ledger}}:*".encode())


def test_every_key_has_the_prefix_a_time_to_live_and_one_slot(new_state):
    state = new_state()
    prefix = state.cache._prefix
    epoch = state.ledger.exchange(batch("one", 1, a=(1,)), epoch=None, place=None).epoch
    state.ledger.restore({"a": (1,)}, epoch=epoch)
    state.ledger.keep("x", "text", at_most_every_s=60)
    keys = state.send("KEYS", f"{prefix}:*")
    assert len(keys) == 7
    assert all(key.startswith(f"{prefix}:{{ledger}}:".encode()) for key in keys)
    assert all(0 < state.send("PTTL", key) <= 30 * 86_400_000 for key in keys)


def test_a_server_that_does_not_answer_is_said_to_be_unavailable(server, new_state):
    from salesboost_tools.state.redis import RedisState

    state = RedisState(server.url)
    state.ledger.exchange(batch("one", 1, a=(1,)), epoch=None, place=None)
    server.kill()
    with pytest.raises(StateUnavailableError):
        state.ledger.exchange(batch("one", 2, a=(1,)), epoch=None, place=None)
    state.close()
