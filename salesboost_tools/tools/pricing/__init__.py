"""`price_calculator` and the price book it reads."""

from salesboost_tools.tools.pricing.price_book import PriceBook
from salesboost_tools.tools.pricing.tool import PriceCalculator
from salesboost_tools.tools.pricing.yaml_price_book import YamlPriceBook, default_price_book

__all__ = ["PriceBook", "PriceCalculator", "YamlPriceBook", "default_price_book"]
