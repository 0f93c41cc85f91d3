"""The tool `competitor_analysis`: what do we know about a competitor, and how fresh is it?"""

from collections.abc import Mapping
from datetime import UTC, date
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langchain_core.tools.base import ArgsSchema
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from salesboost_tools.core.errors import UpstreamError
from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.tools.argument import Now, caller_of, utc_now, wrong_input
from salesboost_tools.tools.competitor import views
from salesboost_tools.tools.competitor.battlecard import Battlecard
from salesboost_tools.tools.competitor.battlecards import Battlecards
from salesboost_tools.tools.competitor.loading import load_battlecards
from salesboost_tools.tools.competitor.neighbours import OwnPrices, WinLossSource

Aspect = Literal[
    "overview", "pricing", "features", "market_share", "strengths", "weaknesses", "objections", "comparison"
]

COMPETITOR_SPEC = ToolSpec(
    effect=Effect.READ,
    allowed_roles={"coach", "system"},
    rate_limit="5/minute",
    timeout_s=5,
    cache_ttl_s=600,
    results_shared=True,
)

_WITH_WIN_LOSS = ("overview", "comparison")
_FOR_MANY = ("overview", "pricing", "features", "market_share")
_NAMES_IN_DESCRIPTION = 30


class CompetitorQuestion(BaseModel):
    """Arguments of `competitor_analysis`."""

    model_config = ConfigDict(extra="forbid")

    competitor: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="Name of one competitor; leave out to see all of them, or those of a category.",
    )
    aspect: Aspect = Field(
        default="overview",
        description="What to know. Without a competitor: overview, pricing, features or market_share.",
    )
    category: str | None = Field(
        default=None, min_length=1, max_length=50, description="Only competitors of this category."
    )


class CompetitorAnalysis(BaseTool):
    """Says what the battlecards hold about a competitor, each claim with source, date and expiry.

    The result is a dict of JSON values: `competitor` (or `category`), `aspect`, `as_of`, `battlecard` (id, version,
    updated), what the aspect holds, `expired` (how many facts shown are past their expiry) and `note`.

    Args:
        cards: What is known, for example `load_battlecards()`.
        own_prices: Our price list, for `comparison`.
        win_loss: How our deals ended, for `overview` and `comparison`; asked for the caller's tenant.
        now: Decides what has expired (UTC).
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: str = "competitor_analysis"
    description: str = (
        "Battlecards about competitors: overview, pricing, features, market share, strengths, weaknesses, objections "
        "with responses, and a comparison with our own offer. Claims carry source, date and expiry; say so when one "
        "is marked as expired."
    )
    args_schema: ArgsSchema | None = CompetitorQuestion
    spec: ToolSpec = COMPETITOR_SPEC

    _cards: Battlecards = PrivateAttr()
    _own_prices: OwnPrices | None = PrivateAttr()
    _win_loss: WinLossSource | None = PrivateAttr()
    _now: Now = PrivateAttr()

    def __init__(
        self,
        cards: Battlecards,
        *,
        own_prices: OwnPrices | None = None,
        win_loss: WinLossSource | None = None,
        now: Now = utc_now,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self._cards, self._own_prices, self._win_loss, self._now = cards, own_prices, win_loss, now
        if "description" not in settings:  # a model that sees the names asks for the right one at once
            self.description += (
                f" Competitors: {', '.join(cards.names[:_NAMES_IN_DESCRIPTION]) or 'none'}. "
                f"Categories: {', '.join(cards.categories) or 'none'}."
            )

    def probe(self) -> Mapping[str, int]:
        """Read the battlecards again and return how many there are.

        Raises:
            ConfigurationError: One is gone or broken; the message names file and field.
            UpstreamError: The folder cannot be read.
        """
        try:
            cards = self._cards if self._cards.folder is None else load_battlecards(self._cards.folder)
        except OSError as error:
            raise UpstreamError(f"the battlecards cannot be read: {error}") from error
        return {"battlecards": len(cards.cards)}

    def close(self) -> None:
        """Nothing is held open."""

    def _run(
        self,
        config: RunnableConfig,
        competitor: str | None = None,
        aspect: Aspect = "overview",
        category: str | None = None,
    ) -> dict[str, Any]:
        card = self._card(competitor, category)
        if card is None:
            return self._about_many(category, aspect)
        answer = self._about_one(card, aspect)
        if self._win_loss is not None and aspect in _WITH_WIN_LOSS:
            answer["win_loss"] = _plain(self._win_loss.win_loss(card.name, caller_of(config)))
        return answer

    async def _arun(
        self,
        config: RunnableConfig,
        competitor: str | None = None,
        aspect: Aspect = "overview",
        category: str | None = None,
    ) -> dict[str, Any]:
        # On the event loop: everything but the deals is in memory and takes well under a millisecond.
        card = self._card(competitor, category)
        if card is None:
            return self._about_many(category, aspect)
        answer = self._about_one(card, aspect)
        if self._win_loss is not None and aspect in _WITH_WIN_LOSS:
            answer["win_loss"] = _plain(await self._win_loss.awin_loss(card.name, caller_of(config)))
        return answer

    def _card(self, competitor: str | None, category: str | None) -> Battlecard | None:
        if competitor is None:
            return None
        card = self._cards.find(competitor)
        if category is not None and card not in self._cards.of_category(category):
            raise wrong_input(f"{card.name} is in the category {card.head.category!r}; leave out `category`.")
        return card

    def _about_one(self, card: Battlecard, aspect: Aspect) -> dict[str, Any]:
        today, own = self._today(), self._cards.own
        match aspect:
            case "overview":
                view = views.overview(card, today)
            case "pricing":
                view = views.pricing(card, today)
            case "features":
                view = views.features(card, own, today)
            case "market_share":
                view = views.market_share(card, today)
            case "strengths":
                view = views.strengths(card, today)
            case "weaknesses":
                view = views.weaknesses(card, today)
            case "objections":
                view = views.objections(card, today)
            case "comparison":
                view = views.comparison(card, own, self._own_prices, today)
        head = card.head
        return {
            "competitor": card.name,
            "aspect": aspect,
            "as_of": today.isoformat(),
            "battlecard": {"id": head.id, "version": head.version, "updated": head.updated.isoformat()},
            **view,
            **_freshness(view),
        }

    def _about_many(self, category: str | None, aspect: Aspect) -> dict[str, Any]:
        today, cards = self._today(), self._cards.of_category(category)
        match aspect:
            case "overview":
                view = views.all_overviews(cards, today)
            case "pricing":
                view = views.all_prices(cards, today)
            case "features":
                view = views.all_features(cards, self._cards.own, today)
            case "market_share":
                view = views.all_shares(cards, today)
            case _:
                names = ", ".join(card.name for card in cards) or "none known"
                raise wrong_input(
                    f"The aspect {aspect} needs a competitor: {names}. "
                    f"For all of them there are {', '.join(_FOR_MANY)}."
                )
        return {"category": category, "aspect": aspect, "as_of": today.isoformat(), **view, **_freshness(view)}

    def _today(self) -> date:
        return self._now().astimezone(UTC).date()


def _freshness(view: Mapping[str, Any]) -> dict[str, Any]:
    expired = views.expired_count(view)
    note = f"{expired} of these facts are past their expiry: check them, or say how old they are." if expired else ""
    return {"expired": expired, "note": note}


def _plain(answer: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if answer is None else dict(answer)
