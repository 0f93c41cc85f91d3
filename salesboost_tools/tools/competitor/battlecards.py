"""All battlecards, and the one somebody means."""

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from importlib.resources.abc import Traversable

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.argument import nearest, wrong_input
from salesboost_tools.tools.competitor.battlecard import Battlecard, OwnFeatures

_SURELY_MEANT = 0.8
_CLEARLY_AHEAD = 0.1
_NOT_IN_NAMES = re.compile(r"[\W_]+")


class Battlecards:
    """The battlecards of a folder, checked against each other.

    Args:
        cards: One per competitor.
        own: The rows of the feature matrix, with our own standing.
        folder: Where they came from, for `probe`; None if they came from nowhere.

    Raises:
        ConfigurationError: Two cards share a name or an id, or a card has a feature that is not in the matrix.
    """

    def __init__(self, cards: Iterable[Battlecard], own: OwnFeatures, folder: Traversable | None = None) -> None:
        self.cards: Sequence[Battlecard] = sorted(cards, key=lambda card: card.name.casefold())
        self.own = own
        self.folder = folder
        self._by_name: dict[str, Battlecard] = {}
        rows = {feature.key for feature in own.features}
        if len(rows) < len(own.features):
            raise ConfigurationError("features: two rows of the matrix have the same key")
        ids: set[str] = set()
        for card in self.cards:
            if card.head.id in ids:
                raise ConfigurationError(f"{card.name}: id: another battlecard is already called {card.head.id!r}")
            ids.add(card.head.id)
            if strange := sorted(card.head.features.keys() - rows):
                raise ConfigurationError(f"{card.name}: features: {strange} are not rows of the matrix: {sorted(rows)}")
            for name in card.names:
                if self._by_name.setdefault(_plain(name), card) is not card:
                    raise ConfigurationError(f"{card.name}: {name!r} is also a name of another battlecard")

    @property
    def names(self) -> list[str]:
        """The competitors, in alphabetical order."""
        return [card.name for card in self.cards]

    @property
    def categories(self) -> list[str]:
        """The categories, in alphabetical order."""
        return sorted({card.head.category for card in self.cards})

    def find(self, wanted: str) -> Battlecard:
        """Return the card of a competitor by name, alias, or a spelling that can mean no other.

        Raises:
            ToolInputError: There is none; names the nearest and lists all.
        """
        plain = _plain(wanted)
        if card := self._by_name.get(plain) or self._surely_meant(plain):
            return card
        if not self.cards:
            raise wrong_input("There are no battlecards. Answer without them, and say that no source was found.")
        near = nearest(wanted, {card.name: card.names for card in self.cards})
        hint = f" Nearest: {near!r}." if near else ""
        raise wrong_input(f"No battlecard for this competitor.{hint} Known: {', '.join(self.names)}.")

    def of_category(self, category: str | None) -> list[Battlecard]:
        """Return the cards of a category, all if None.

        Raises:
            ToolInputError: There is no such category; lists those there are.
        """
        if category is None:
            return list(self.cards)
        found = [card for card in self.cards if _plain(card.head.category) == _plain(category)]
        if not found:
            raise wrong_input(f"No battlecard in this category. Categories: {', '.join(self.categories) or 'none'}.")
        return found

    def _surely_meant(self, plain: str) -> Battlecard | None:
        likeness: dict[str, tuple[float, Battlecard]] = {}
        for name, card in self._by_name.items():
            ratio = SequenceMatcher(None, plain, name, autojunk=False).ratio()
            if ratio > likeness.get(card.name, (0.0, card))[0]:
                likeness[card.name] = (ratio, card)
        best, second, *_ = [*sorted(likeness.values(), key=lambda pair: -pair[0]), (0.0, None), (0.0, None)]
        return best[1] if best[0] >= _SURELY_MEANT and best[0] - second[0] >= _CLEARLY_AHEAD else None


def _plain(name: str) -> str:
    return _NOT_IN_NAMES.sub("", name.casefold())
