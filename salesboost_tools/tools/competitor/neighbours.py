"""What a battlecard may be compared with: our own prices, and how our deals against the competitor ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from salesboost_tools.core.call import Caller


@dataclass(frozen=True, slots=True)
class OwnPrice:
    """A list price of ours, for the smallest quantity, without tax.

    Attributes:
        unit: What is counted: seat, account.
        per: month, year or once.
    """

    sku: str
    name: str
    unit_price: Decimal
    currency: str
    unit: str
    per: str


class OwnPrices(Protocol):
    """Our price list."""

    def list_price(self, sku: str, currency: str) -> OwnPrice | None:
        """Return the list price of a product in a currency; None if there is none."""
        ...


class WinLossSource(Protocol):
    """Knows how our deals against a competitor ended, for example the CRM."""

    def win_loss(self, competitor: str, caller: Caller) -> Mapping[str, Any] | None:
        """Return counts, shares and reasons as JSON values, of the caller's tenant only; None if there were no deals.

        Raises:
            UpstreamError: The source did not answer.
        """
        ...

    async def awin_loss(self, competitor: str, caller: Caller) -> Mapping[str, Any] | None:
        """Do what `win_loss` does without blocking the event loop."""
        ...
