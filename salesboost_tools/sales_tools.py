"""The eight sales tools, made from settings over stores that are opened once; nothing is governed yet."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.tools import BaseTool

from salesboost_tools.core.call import Caller
from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.settings import Settings
from salesboost_tools.texting import open_texting
from salesboost_tools.tools.argument import Now, utc_now
from salesboost_tools.tools.competitor import CompetitorAnalysis, OwnPrice, load_battlecards
from salesboost_tools.tools.compliance import ComplianceCheck
from salesboost_tools.tools.crm import Crm, CrmIntegration, CrmStore, HubSpotCrm, WinLoss, open_crm
from salesboost_tools.tools.crm.hubspot.crm import DEFAULT_STAGES
from salesboost_tools.tools.crm.scenario import scenario_now
from salesboost_tools.tools.knowledge import (
    HybridSearch,
    KnowledgeRetriever,
    LexicalSearch,
    SemanticSearch,
    open_knowledge,
)
from salesboost_tools.tools.names import KNOWLEDGE
from salesboost_tools.tools.pricing import PriceBook, PriceCalculator, default_price_book
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
    closers: Sequence[Callable[[], None]]

    def close(self) -> None:
        """Give back connections and files. The tools open them again if they can."""
        for close in self.closers:
            close()


def open_sales_tools(settings: Settings) -> OpenTools:
    """Open what the tools work on and make them.

    Raises:
        ConfigurationError: A setting names a store or file that cannot be used.
    """
    _refuse_unusable(settings.data_dir)
    # the shipped data has a "today" of its own, and all tools must agree on it: ages, expiries, days of issue
    fiction = settings.database_url is None and settings.hubspot_token is None
    now = scenario_now() if fiction else utc_now
    index = open_knowledge(settings.data_dir)
    store = _crm(settings, now)
    book = default_price_book()
    lexical, semantic = LexicalSearch(index), SemanticSearch(index)
    hybrid = HybridSearch([lexical, semantic])
    semantic.prepare()  # learnt once and kept beside the index; within a first call it would eat up its time limit
    stage_classifier = StageClassifier(StageSet.of(settings.stages) if settings.stages else None)
    stage_classifier.prepare()
    own_prices, win_loss = ListPrices(book), _endings(store)
    shared = store.database if isinstance(store, CrmStore) and settings.database_url else None
    outbox = open_texting(settings, database=shared, now=now)
    erasures = _erasures(store, now)
    return OpenTools(
        tools=[
            KnowledgeRetriever(lexical),
            PriceCalculator(price_book=book, now=now),
            stage_classifier,
            CrmIntegration(crm=store),
            CompetitorAnalysis(load_battlecards(), own_prices=own_prices, win_loss=win_loss, now=now),
            ProfileReader(store, erasures, roles=read_roles(settings.profile_roles), now=now),
            ComplianceCheck(settings.compliance_rules, now=now),
            SmsOutreach(outbox=outbox, default_region=settings.sms_default_region),
        ],
        variants={KNOWLEDGE: [KnowledgeRetriever.variant(search) for search in (lexical, semantic, hybrid)]},
        outbox=outbox,
        closers=[store.close, outbox.close, lexical.close, semantic.close],
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


def _refuse_unusable(folder: Path) -> None:
    """Make the data folder, and see that files can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigurationError(
            f"cannot write to {folder} ({error.strerror}); name another folder in TOOL_DATA_DIR"
        ) from error
