"""The eight sales tools, made from settings over stores that are opened once; nothing is governed yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.embeddings import Embeddings
from langchain_core.tools import BaseTool

from salesboost_tools.core.call import Caller
from salesboost_tools.data_folder import make_usable, own_battlecards, own_price_book
from salesboost_tools.knowledge_searches import open_searches
from salesboost_tools.settings import Settings
from salesboost_tools.texting import open_texting
from salesboost_tools.tools.argument import Now, utc_now
from salesboost_tools.tools.competitor import CompetitorAnalysis, OwnPrice, load_battlecards
from salesboost_tools.tools.compliance import ComplianceCheck
from salesboost_tools.tools.crm import Crm, CrmIntegration, CrmStore, HubSpotCrm, WinLoss, open_crm
from salesboost_tools.tools.crm.hubspot.crm import DEFAULT_STAGES
from salesboost_tools.tools.crm.scenario import scenario_now
from salesboost_tools.tools.knowledge import KnowledgeRetriever, Search
from salesboost_tools.tools.names import KNOWLEDGE
from salesboost_tools.tools.pricing import PriceBook, PriceCalculator, YamlPriceBook, default_price_book
from salesboost_tools.tools.pricing.price_book import Charge
from salesboost_tools.tools.profile import ProfileReader, SqlErasures
from salesboost_tools.tools.profile.roles import read_roles
from salesboost_tools.tools.profile.schema import PROFILE_SCHEMA
from salesboost_tools.tools.sms import SmsOutbox, SmsOutreach
from salesboost_tools.tools.stage import StageClassifier, StageSet


@dataclass(frozen=True, slots=True)
class OpenTools:
    """Tools over open stores."""

    tools: Sequence[BaseTool]
    variants: Mapping[str, Sequence[BaseTool]]
    """Group name -> equal tools behind it."""
    outbox: SmsOutbox
    """Where texts wait to be sent."""
    crm: Crm
    searches: Sequence[Search]

    def close(self) -> None:
        """Give back connections and files. The tools open them again if they can."""
        self.crm.close()
        self.outbox.close()
        self._close_searches()

    async def aclose(self) -> None:
        """Do what `close` does, the connections of this event loop included."""
        await self.crm.aclose()
        await self.outbox.aclose()
        self._close_searches()

    def _close_searches(self) -> None:
        for search in self.searches:
            search.close()


def open_sales_tools(
    settings: Settings, *, embeddings: Embeddings | None = None, retrievers: Mapping[str, Any] | None = None
) -> OpenTools:
    """Open what the tools work on and make them.

    Args:
        settings: Where everything is.
        embeddings: For the search of the knowledge base by meaning; see `open_searches`.
        retrievers: Further searches of it, by a word for each; see `open_searches`.

    Raises:
        ConfigurationError: A setting names a store or file that cannot be used.
    """
    make_usable(settings.data_dir)
    own_book = own_price_book(settings)
    book = default_price_book() if own_book is None else YamlPriceBook(own_book)
    cards = load_battlecards(own_battlecards(settings))
    # the shipped data has a "today" of its own, and all tools must agree on it: ages, expiries, days of issue
    fiction = settings.database_url is None and settings.hubspot_token is None
    now = scenario_now() if fiction else utc_now
    searches = open_searches(settings, embeddings, retrievers)
    store = _crm(settings, now)
    stage_classifier = StageClassifier(StageSet.of(settings.stages) if settings.stages else None)
    stage_classifier.prepare()
    own_prices, win_loss = ListPrices(book), _endings(store)
    shared = store.database if isinstance(store, CrmStore) and settings.database_url else None
    outbox = open_texting(settings, database=shared, now=now)
    erasures = _erasures(store, now)
    return OpenTools(
        tools=[
            KnowledgeRetriever(searches[0]),
            PriceCalculator(price_book=book, now=now),
            stage_classifier,
            CrmIntegration(crm=store),
            CompetitorAnalysis(cards, own_prices=own_prices, win_loss=win_loss, now=now),
            ProfileReader(store, erasures, roles=read_roles(settings.profile_roles), now=now),
            ComplianceCheck(settings.compliance_rules, now=now),
            SmsOutreach(outbox=outbox, default_region=settings.sms_default_region),
        ],
        variants={KNOWLEDGE: [KnowledgeRetriever.variant(search) for search in searches]},
        outbox=outbox,
        crm=store,
        searches=searches,
    )


def _crm(settings: Settings, now: Now) -> Crm:
    if settings.hubspot_token is None:
        return open_crm(settings.database_url, settings.data_dir, now=now)
    return HubSpotCrm(
        settings.hubspot_token,
        tenant_id=settings.hubspot_tenant,
        stages={**DEFAULT_STAGES, **settings.hubspot_stages},
        competitor_property=settings.hubspot_competitor_property,
        base_url=settings.hubspot_base_url,
        now=now,
    )


def _erasures(crm: Crm, now: Now) -> SqlErasures | None:
    """Return what erases people; None if that is for another CRM to do."""
    if not isinstance(crm, CrmStore):
        return None
    crm.database.upgrade(PROFILE_SCHEMA)
    return SqlErasures(crm.database, now=now)


def _endings(crm: Crm) -> "Endings | None":
    """Return how deals ended, if the CRM can tell; a comparison then says nothing about it instead of failing."""
    return None if isinstance(crm, HubSpotCrm) and not crm.knows_competitors else Endings(crm)


@dataclass(frozen=True, slots=True)
class ListPrices:
    """The price book as a competitor's prices are compared with it: list price of the smallest quantity."""

    book: PriceBook

    def list_price(self, sku: str, currency: str) -> OwnPrice | None:
        """Return the list price of a product in a currency; None if there is none."""
        product = self.book.product(sku)
        price = product.tiers[0].unit_prices.get(currency) if product else None
        if product is None or price is None:
            return None
        per = "month" if product.charge is Charge.PER_MONTH else "once"
        return OwnPrice(product.sku, product.name, price, currency, product.unit, per)


@dataclass(frozen=True, slots=True)
class Endings:
    """The CRM as the source of how deals against a competitor ended."""

    crm: Crm

    def win_loss(self, competitor: str, caller: Caller) -> Mapping[str, Any] | None:
        """Return counts, shares and reasons, of the caller's tenant only; None if there were no deals."""
        return _only(self.crm.perform(WinLoss(competitor=competitor), caller))

    async def awin_loss(self, competitor: str, caller: Caller) -> Mapping[str, Any] | None:
        """Do what `win_loss` does without blocking the event loop."""
        return _only(await self.crm.aperform(WinLoss(competitor=competitor), caller))


def _only(answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return next(iter(answer["competitors"]), None)
