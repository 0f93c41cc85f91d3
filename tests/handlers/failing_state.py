"""A state that answers or not, as it is told."""

from salesboost_tools.core.errors import StateUnavailableError
from salesboost_tools.state import MemoryState


class FailingState:
    """Works in memory; while `is_down`, or for operations named in `failing`, nothing answers. Counts every request."""

    def __init__(self, clock, *failing):
        state = MemoryState(clock)
        self.is_down = False
        self.failing = set(failing)
        self.asked = []
        self.cache = _FailingStore(self, state.cache)
        self.limits = _FailingStore(self, state.limits)
        self.leases = _FailingStore(self, state.leases)
        self.records = _FailingStore(self, state.records)

    def answer_or_fail(self, name):
        operation = name.removeprefix("a") if name.startswith(("aget", "aput", "aclear", "atake")) else name
        self.asked.append(operation)
        if self.is_down or operation in self.failing:
            raise StateUnavailableError("nobody answers")


class _FailingStore:
    def __init__(self, state, store):
        self._state = state
        self._store = store

    def __getattr__(self, name):
        answer = getattr(self._store, name)

        def ask(*args, **kwargs):
            self._state.answer_or_fail(name)
            return answer(*args, **kwargs)

        async def aask(*args, **kwargs):
            self._state.answer_or_fail(name)
            return await answer(*args, **kwargs)

        return aask if name.startswith(("aget", "aput", "aclear", "atake")) else ask
