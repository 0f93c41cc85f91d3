"""The health of where state is kept."""

from salesboost_tools.core.errors import StateUnavailableError
from salesboost_tools.state import State


class StoreHealth:
    """Asks a state backend whether it is there. One in this process always is.

    Args:
        state: The backend; one that crosses a process has `aping`, as `RedisState` does.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    async def probe(self) -> None:
        """Ask it now.

        Raises:
            StateUnavailableError: It did not answer.
        """
        ping = getattr(self._state, "aping", None)
        if ping is not None and not await ping():
            raise StateUnavailableError("it was asked and gave no answer in time (setting TOOL_REDIS_URL)")

    def fallback(self) -> str | None:
        """Return what is done without at the moment; None if the backend is used."""
        health = self._state.health
        if health.answers:
            return None
        return f"the state store at {health.where} does not answer; each process goes by what it knows itself"
