"""A rate limit whose store is down does what was chosen, and goes back to the store by itself."""

import pytest

from salesboost_tools.core.errors import ConfigurationError, StateUnavailableError
from salesboost_tools.core.rate import Bucket, RateLimit
from salesboost_tools.state import FallbackLimits, LimitClaim, MemoryLimits, WhenDown
from salesboost_tools.state.fallback import share_of
from tests.state.contracts import LimitStoreContract
from tests.state.shared_contracts import LimitsTogetherContract, either_way, way

__all__ = ["way"]

TWELVE = RateLimit("12/minute").bucket


class StoreThatMayBeDown(MemoryLimits):
    down = False
    asked = 0

    def take(self, key, bucket, tokens=1):
        self._answer()
        return super().take(key, bucket, tokens)

    def take_all(self, claims):
        self._answer()
        return super().take_all(claims)

    def _answer(self):
        self.asked += 1
        if self.down:
            raise StateUnavailableError("no answer")


class TestLimitsWithAStoreThatAnswers(LimitStoreContract):
    def make(self, clock):
        return FallbackLimits(MemoryLimits(clock), "closed")


class TestSeveralLimitsWithAStoreThatAnswers(LimitsTogetherContract):
    def make(self, clock):
        return FallbackLimits(MemoryLimits(clock), "closed")


@pytest.fixture
def store(clock):
    return StoreThatMayBeDown(clock)


def taker(limits, way):
    single, several = either_way(limits, "take", way), either_way(limits, "take_all", way)

    async def take(together=False, tokens=1):
        if together:
            return await several([LimitClaim("k", TWELVE, tokens)])
        return await single("k", TWELVE, tokens)

    return take


@pytest.mark.parametrize("together", [False, True], ids=["alone", "together"])
async def test_local_gives_every_worker_its_share(clock, store, way, together):
    limits = FallbackLimits(store, "local", workers=4, clock=clock)
    take, store.down = taker(limits, way), True
    assert [await take(together) == 0 for _ in range(4)] == [True, True, True, False]
    wait_ns = await take(together)
    assert wait_ns == 20 * 10**9  # 12 a minute among 4: one in 20 s
    clock.advance(20)
    assert await take(together) == 0


@pytest.mark.parametrize("together", [False, True], ids=["alone", "together"])
async def test_closed_lets_none_through(store, way, together):
    take, store.down = taker(FallbackLimits(store, WhenDown.CLOSED), way), True
    with pytest.raises(StateUnavailableError, match="no answer"):
        await take(together)


@pytest.mark.parametrize("together", [False, True], ids=["alone", "together"])
async def test_open_lets_all_through(store, way, together):
    take, store.down = taker(FallbackLimits(store, "open"), way), True
    assert [await take(together) for _ in range(50)] == [0] * 50


async def test_it_goes_back_to_the_store_by_itself_and_says_how_things_stand(store, way):
    limits = FallbackLimits(store, "local", workers=4)
    take = taker(limits, way)
    assert await take() == 0
    assert (limits.healthy, limits.calls_without_store) == (True, 0)
    store.down = True
    for _ in range(5):
        await take()
    assert (limits.healthy, limits.calls_without_store) == (False, 5)
    store.down = False
    assert [await take() == 0 for _ in range(12)] == [True] * 11 + [False]  # what the store knew, it still knows
    assert (limits.healthy, limits.calls_without_store) == (True, 5)
    assert store.asked == 18


@pytest.mark.parametrize(
    ("bucket", "workers", "tokens", "share"),
    [
        (Bucket(12, 5), 1, 1, Bucket(12, 5)),
        (Bucket(12, 5), 5, 1, Bucket(2, 25)),
        (Bucket(3, 5), 8, 1, Bucket(1, 40)),
        (Bucket(10, 5), 4, 6, Bucket(6, 20)),
    ],
)
def test_the_shares_of_all_workers_make_up_the_rate_and_no_more_than_the_capacity_where_it_goes_round(
    bucket, workers, tokens, share
):
    assert share_of(bucket, workers, tokens) == share


async def test_what_could_never_pass_is_refused_as_ever(store):
    store.down = True
    limits = FallbackLimits(store, "local", workers=4)
    with pytest.raises(ConfigurationError):
        limits.take("k", TWELVE, 0)


@pytest.mark.parametrize("options", [{"workers": 0}, {"when_down": "maybe"}])
def test_options_that_make_no_sense_are_refused(store, options):
    with pytest.raises(ConfigurationError):
        FallbackLimits(store, **options)
