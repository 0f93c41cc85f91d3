"""A ledger in this process."""

from salesboost_tools.state.memory_ledger import MemoryLedger
from tests.doubles import FakeClock
from tests.state.ledger_contract import LedgerContract


class TestMemoryLedger(LedgerContract):
    def ledger(self, **options):
        return MemoryLedger(FakeClock(), **options)

    def lose_everything(self, ledger):
        ledger.lose_everything()


def test_after_its_time_a_text_is_replaced(clock):
    ledger = MemoryLedger(clock)
    ledger.keep("x", "first", at_most_every_s=60)
    clock.advance(60)
    assert ledger.keep("x", "second", at_most_every_s=60)
    assert ledger.kept("x") == "second"
