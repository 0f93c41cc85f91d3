"""Battlecards: what is known about competitors, where from, and until when it holds."""

from salesboost_tools.tools.competitor.battlecards import Battlecards
from salesboost_tools.tools.competitor.loading import load_battlecards, shipped_battlecards
from salesboost_tools.tools.competitor.neighbours import OwnPrice, OwnPrices, WinLossSource
from salesboost_tools.tools.competitor.tool import CompetitorAnalysis, CompetitorQuestion

__all__ = [
    "Battlecards",
    "CompetitorAnalysis",
    "CompetitorQuestion",
    "OwnPrice",
    "OwnPrices",
    "WinLossSource",
    "load_battlecards",
    "shipped_battlecards",
]
