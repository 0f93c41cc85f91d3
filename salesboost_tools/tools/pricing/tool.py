"""`price_calculator`: prices a purchase from a price book, exactly."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from langchain_core.tools import BaseTool
from langchain_core.tools.base import ArgsSchema
from pydantic import ConfigDict, Field, SkipValidation

from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.tools.argument import Now, utc_now
from salesboost_tools.tools.pricing.answer import quote_answer
from salesboost_tools.tools.pricing.arguments import PriceArguments
from salesboost_tools.tools.pricing.price_book import PriceBook
from salesboost_tools.tools.pricing.pricing import price, value_of
from salesboost_tools.tools.pricing.yaml_price_book import default_price_book

PRICE_SPEC = ToolSpec(
    effect=Effect.READ,
    allowed_roles={"npc", "coach", "system"},
    rate_limit="30/minute",
    timeout_s=5,
    results_shared=True,
)


class PriceCalculator(BaseTool):
    """Prices products and free items with tiers, discounts and tax; money goes in as Decimal and out as exact text.

    Args:
        price_book: Where prices come from; the shipped one by default.
        now: Today, for the day of issue and the expiry (UTC).
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: str = "price_calculator"
    description: str = (
        "Prices a purchase: products of the price book by SKU and quantity, free items, stacked discounts, tax, "
        "billing period, and on request return on investment, payback and total cost of ownership. "
        "Returns exact totals, who must approve the discounts, a quote id and its expiry."
    )
    args_schema: ArgsSchema | None = PriceArguments
    spec: ToolSpec = PRICE_SPEC
    price_book: SkipValidation[PriceBook] = Field(default_factory=default_price_book, exclude=True)
    now: Now = Field(default=utc_now, exclude=True)

    def _run(self, **arguments: Any) -> dict[str, Any]:
        return calculate(PriceArguments.model_validate(arguments), self.price_book, self.now)

    async def _arun(self, **arguments: Any) -> dict[str, Any]:
        """Price on the event loop: well under a millisecond of arithmetic, no I/O."""
        return self._run(**arguments)

    def probe(self) -> Mapping[str, Any]:
        """Return which prices are in use, and for how many products; raise unless the price book can be read."""
        self.price_book.probe()
        return {"products": len(self.price_book.products), "version": self.price_book.terms.version}


def calculate(asked: PriceArguments, book: PriceBook, now: Now) -> dict[str, Any]:
    """Return the quote for what was asked as a plain answer.

    Raises:
        ToolInputError: The book does not allow it; the message says what it does allow.
    """
    terms = book.terms
    bought = price(asked, book)
    return quote_answer(
        bought,
        terms,
        billing_period=asked.billing_period,
        months=asked.months,
        today=now().astimezone(UTC).date(),
        value=None if asked.value is None else value_of(asked.value, bought, asked.months, terms),
    )
