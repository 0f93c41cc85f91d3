"""`SmsOutbox`: messages, their provider and the ledger of consent, behind a sync and an async door."""

import secrets
from typing import Any, TypeVar

from salesboost_tools.core.call import Caller
from salesboost_tools.tools.argument import Now, utc_now
from salesboost_tools.tools.database import Database
from salesboost_tools.tools.sms.answering import answer_to
from salesboost_tools.tools.sms.commands import Command
from salesboost_tools.tools.sms.flows import Delivery, Dispatched, Flow, Transaction, dispatch
from salesboost_tools.tools.sms.provider import OutboxOnly, SmsProvider
from salesboost_tools.tools.sms.reading import touch
from salesboost_tools.tools.sms.scope import Policy

_T = TypeVar("_T")

DEFAULT_MOST = 100


class SmsOutbox:
    """A durable outbox in an SQL database, and who carries its messages.

    A message stands in the database under a unique key before anything is asked of the provider. Whatever happens
    then, a crash, a cut connection, a second worker: it is sent once, or known to be unknown until the provider has
    been asked.

    Args:
        database: Where they are kept; its tables are up to date.
        policy: What messages have to keep to.
        provider: Who carries them; nobody by default.
        now: The present moment (UTC).
    """

    def __init__(
        self, database: Database, *, policy: Policy, provider: SmsProvider | None = None, now: Now = utc_now
    ) -> None:
        self.database = database
        self._delivery = Delivery(provider or OutboxOnly(), policy, now, lambda: secrets.token_hex(16))

    @property
    def provider_name(self) -> str:
        """Who carries the messages; `outbox` for nobody."""
        return self._delivery.provider.name

    def perform(self, command: Command, caller: Caller) -> dict[str, Any]:
        """Answer a command for a caller, of the caller's tenant only.

        Raises:
            ToolInputError: What was asked does not exist or is not allowed; the message says what is.
            IdempotencyError: Another message was entered under this key.
            UpstreamError: The provider or the database did not do its part; `outcome_unknown` says whether a message
                may have been sent.
        """
        return self.run(answer_to(command, caller, self._delivery))

    async def aperform(self, command: Command, caller: Caller) -> dict[str, Any]:
        """Do what `perform` does without blocking the event loop."""
        return await self.arun(answer_to(command, caller, self._delivery))

    def dispatch_due(self, *, most: int = DEFAULT_MOST) -> Dispatched:
        """Send what is due, of all tenants, and clear up what is unknown. Workers may do this side by side.

        Args:
            most: How many messages to handle at most.
        """
        return self.run(dispatch(self._delivery, most=most))

    async def adispatch_due(self, *, most: int = DEFAULT_MOST) -> Dispatched:
        """Do what `dispatch_due` does without blocking the event loop."""
        return await self.arun(dispatch(self._delivery, most=most))

    def run(self, flow: Flow[_T]) -> _T:
        """Take the steps of a flow in this thread and return what it returns."""
        came: Any = None
        while True:
            try:
                step = flow.send(came)
            except StopIteration as done:
                return done.value
            if isinstance(step, Transaction):
                came = self.database.perform(step.work, writes=step.writes)
            else:
                came = self._delivery.provider.ask(step)

    async def arun(self, flow: Flow[_T]) -> _T:
        """Take the steps of a flow in this event loop and return what it returns."""
        came: Any = None
        while True:
            try:
                step = flow.send(came)
            except StopIteration as done:
                return done.value
            if isinstance(step, Transaction):
                came = await self.database.aperform(step.work, writes=step.writes)
            else:
                came = await self._delivery.provider.aask(step)

    def probe(self) -> None:
        """Touch the database and the provider.

        Raises:
            UpstreamError: One of them cannot be used.
        """
        self.database.perform(touch, writes=False)
        self._delivery.provider.probe()

    async def aprobe(self) -> None:
        """Do what `probe` does without blocking the event loop."""
        await self.database.aperform(touch, writes=False)
        await self._delivery.provider.aprobe()

    def close(self) -> None:
        """Give back all connections. The outbox can be used again."""
        self.database.close()

    async def aclose(self) -> None:
        """Give back all connections, this loop's in good order. The outbox can be used again."""
        await self.database.aclose()
