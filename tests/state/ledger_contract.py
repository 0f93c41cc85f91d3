"""What every ledger must do, in memory or shared. A new one is done when its subclass is green."""

import threading
from random import Random

import pytest

from salesboost_tools.state.ledger import Batch, Ledger, Told


def batch(worker: str, number: int, text: str = "", **amounts: tuple[float, ...]) -> Batch:
    return Batch(worker, number, amounts, text)


class LedgerContract:
    def ledger(self, **options) -> Ledger:
        raise NotImplementedError

    def test_an_empty_ledger_knows_nothing(self):
        news = self.ledger().exchange(None, epoch=None, place=None)
        assert (news.place, list(news.told), dict(news.sums), news.accepted) == (0, [], {}, True)

    def test_amounts_add_up(self):
        ledger = self.ledger()
        ledger.exchange(batch("one", 1, a=(1, 0.1), b=(1, 0.5)), epoch=None, place=None)
        ledger.exchange(batch("two", 1, a=(2, 0.2)), epoch=None, place=None)
        assert ledger.exchange(None, epoch=None, place=None).sums == {"a": (3, pytest.approx(0.3)), "b": (1, 0.5)}

    def test_since_a_place_everything_is_told_in_order_with_the_rows_that_changed(self):
        ledger = self.ledger()
        before = ledger.exchange(batch("one", 1, "first", a=(1,), b=(1,)), epoch=None, place=None)
        ledger.exchange(batch("two", 1, "second", a=(1,)), epoch=None, place=None)
        news = ledger.exchange(batch("one", 2, "third", c=(5,)), epoch=before.epoch, place=before.place)
        assert news.complete
        assert list(news.told) == [Told("two", 1, "second"), Told("one", 2, "third")]
        assert news.sums == {"a": (2,), "c": (5,)}
        again = ledger.exchange(None, epoch=news.epoch, place=news.place)
        assert (again.complete, list(again.told), dict(again.sums)) == (True, [], {})

    def test_a_batch_sent_again_counts_once(self):
        ledger = self.ledger()
        for _ in range(3):
            news = ledger.exchange(batch("one", 1, "x", a=(1, 0.5)), epoch=None, place=0)
            assert news.accepted
        assert ledger.exchange(None, epoch=None, place=None).sums == {"a": (1, 0.5)}
        assert ledger.exchange(None, epoch=news.epoch, place=0).told == [Told("one", 1, "x")]

    def test_a_batch_whose_forerunner_is_not_known_is_not_accepted(self):
        ledger = self.ledger()
        news = ledger.exchange(batch("one", 7, a=(1,)), epoch=None, place=None)
        assert not news.accepted
        assert dict(news.sums) == {}

    def test_who_has_been_away_for_too_long_is_told_the_sums_alone(self):
        ledger = self.ledger(most_batches=3)
        for number in range(1, 6):
            news = ledger.exchange(batch("one", number, a=(1,), b=(2,)), epoch=None, place=None)
        late = ledger.exchange(None, epoch=news.epoch, place=1)
        assert (late.complete, list(late.told)) == (False, [])
        assert late.sums == {"a": (5,), "b": (10,)}
        in_time = ledger.exchange(None, epoch=news.epoch, place=2)
        assert in_time.complete
        assert [told.number for told in in_time.told] == [3, 4, 5]

    def test_nothing_is_added_for_another_epoch(self):
        ledger = self.ledger()
        news = ledger.exchange(batch("one", 1, a=(1,)), epoch="long gone", place=0)
        assert news.epoch != "long gone"
        assert (news.complete, dict(news.sums)) == (False, {})

    def test_without_a_loss_nothing_is_restored_twice(self):
        ledger = self.ledger()
        ledger.exchange(batch("one", 1, a=(1,)), epoch=None, place=None)
        self.lose_everything(ledger)
        epoch = ledger.exchange(batch("new", 1, a=(2,)), epoch=None, place=None).epoch
        assert not ledger.restore({"a": (10,)}, epoch="another")
        assert ledger.restore({"a": (10,), "b": (4,)}, epoch=epoch)
        assert not ledger.restore({"a": (10,)}, epoch=epoch)
        assert ledger.exchange(None, epoch=None, place=None).sums == {"a": (12,), "b": (4,)}

    def lose_everything(self, ledger) -> None:
        raise NotImplementedError

    def test_a_text_is_kept_once_in_a_while(self):
        ledger = self.ledger()
        assert ledger.kept("x") is None
        assert ledger.keep("x", "first ü", at_most_every_s=60)
        assert not ledger.keep("x", "second", at_most_every_s=60)
        assert ledger.keep("y", "other", at_most_every_s=60)
        assert ledger.kept("x") == "first ü"

    def test_numbers_survive_to_the_last_bit(self):
        ledger = self.ledger()
        numbers = (0.1, 1 / 3, 2**53 - 1.0, 1e-300, 123456789.123456789)
        ledger.exchange(batch("one", 1, "x", a=numbers), epoch=None, place=None)
        assert ledger.exchange(None, epoch=None, place=None).sums["a"] == numbers

    def test_rows_are_any_text(self):
        ledger = self.ledger()
        row = '["größe", "{x} \\n tool"]'
        ledger.exchange(Batch("one", 1, {row: (1.0,)}, "ü"), epoch=None, place=0)
        news = ledger.exchange(None, epoch=None, place=None)
        assert news.sums == {row: (1.0,)}
        assert ledger.exchange(None, epoch=news.epoch, place=0).told[0].text == "ü"

    def test_nothing_is_lost_or_doubled_between_threads_that_send_again_at_random(self):
        ledger = self.ledger()

        def work(name: str) -> None:
            luck = Random(name)
            for number in range(1, 40):
                for _ in range(1 + luck.randrange(3)):
                    ledger.exchange(batch(name, number, a=(1, 0.25)), epoch=None, place=None)

        threads = [threading.Thread(target=work, args=(f"worker {number}",)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        news = ledger.exchange(None, epoch=None, place=None)
        assert news.sums == {"a": (4 * 39, 39.0)}
        assert news.place == 4 * 39
