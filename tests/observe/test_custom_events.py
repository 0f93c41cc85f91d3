"""Events on their way to listeners arrive in order, and whoever ends the call waits for them."""

from uuid import UUID

from langchain_core.callbacks import AsyncCallbackHandler

from salesboost_tools.observe.custom_events import EventLine, custom_event_listeners
from tests.handlers.doubles import turns

RUN = UUID(int=1)


class Listener(AsyncCallbackHandler):
    """Listens for custom events, and takes its time."""

    def __init__(self):
        self.heard = []

    async def on_custom_event(self, name, data, *, run_id, **kwargs):
        await turns()
        self.heard.append(data["number"])


async def test_where_nothing_was_handed_in_everything_has_arrived():
    await EventLine().arrived()


async def test_events_arrive_in_order_also_after_a_pause():
    listener, line = Listener(), EventLine()
    for number in range(3):
        line.tell([listener], "event", {"number": number}, RUN)
    await line.arrived()
    line.tell([listener], "event", {"number": 3}, RUN)
    await line.arrived()
    assert listener.heard == [0, 1, 2, 3]


def test_outside_of_everything_nobody_listens():
    assert custom_event_listeners() == ([], None)
