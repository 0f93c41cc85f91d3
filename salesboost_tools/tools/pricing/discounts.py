"""Discounts taken one after another, each from what the ones before have left."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext

from salesboost_tools.tools.argument import wrong_input
from salesboost_tools.tools.pricing.money import EXACT, Rounding, share_out, whole
from salesboost_tools.tools.pricing.price_book import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """One reduction; either a share or an amount.

    Attributes:
        label: A code, or why it is given.
        fraction: Share of what is left, in [0, 1]; None for an amount.
        amount_minor: Minor units; None for a share.
        skus: What it applies to; empty for every line, free items included.
        discretionary: Somebody may have to approve it; False for a code of the price book.
    """

    label: str
    fraction: Decimal | None = None
    amount_minor: int | None = None
    skus: frozenset[str] = frozenset()
    discretionary: bool = True


@dataclass(frozen=True, slots=True)
class Taken:
    """What one discount took, in minor units; the parts per line add up to `amount_minor`."""

    discount: Discount
    amount_minor: int
    per_line: tuple[int, ...]


def take_off(
    list_minor: Sequence[int], skus: Sequence[str | None], discounts: Sequence[Discount], rounding: Rounding
) -> list[Taken]:
    """Apply `discounts` in order and share each out over the lines it applies to.

    Every discount is rounded once, to the minor unit, and split by largest remainder, so the parts add up exactly and
    no line ever falls below zero.

    Args:
        list_minor: List price per line, minor units.
        skus: Product code per line, same length; None for a free item.
        discounts: What to take off, in this order.
        rounding: What happens to half a minor unit.

    Raises:
        ToolInputError: A discount applies to no line, or its amount exceeds what is left.
    """
    left = list(list_minor)
    taken: list[Taken] = []
    for discount in discounts:
        weights = [
            amount if not discount.skus or sku in discount.skus else 0 for amount, sku in zip(left, skus, strict=True)
        ]
        _refuse_a_discount_on_nothing(discount, skus)
        amount = _amount(discount, sum(weights), rounding)
        parts = share_out(amount, weights)
        left = [before - part for before, part in zip(left, parts, strict=True)]
        taken.append(Taken(discount, amount, tuple(parts)))
    return taken


def approvers(list_minor: int, taken: Sequence[Taken], product_lines: Sequence[str | None], terms: Terms) -> list[str]:
    """Return who must agree to the discretionary part of `taken`, in the order of the price book.

    Args:
        list_minor: List price of the whole quote, minor units.
        taken: All discounts.
        product_lines: Product line of every line, as long as each discount's parts.
        terms: Names the steps by share of the list price, and who guards which product line.
    """
    parts = [each.per_line for each in taken if each.discount.discretionary]
    given = sum(map(sum, parts))
    with localcontext(EXACT):
        by_share = [step.approver for step in terms.approval_steps if given > step.above_fraction * list_minor]
    touched = {line for part in parts for line, amount in zip(product_lines, part, strict=True) if amount}
    return by_share + [approver for line, approver in terms.line_approvers.items() if line in touched]


def refuse_too_much(list_minor: int, discretionary_minor: int, max_fraction: Decimal) -> None:
    """Raise ToolInputError if more is taken off than anybody may give."""
    with localcontext(EXACT):
        if discretionary_minor > max_fraction * list_minor:
            given = Decimal(discretionary_minor) / list_minor
            raise wrong_input(
                f"Discretionary discounts may take off at most {max_fraction:f} of the list price; "
                f"these take {given:.4f}."
            )


def _amount(discount: Discount, base_minor: int, rounding: Rounding) -> int:
    if discount.fraction is not None:
        with localcontext(EXACT):
            return whole(discount.fraction * base_minor, rounding)
    amount = discount.amount_minor or 0
    if amount > base_minor:
        raise wrong_input(f"The discount {discount.label!r} exceeds what is left of the lines it applies to.")
    return amount


def _refuse_a_discount_on_nothing(discount: Discount, skus: Sequence[str | None]) -> None:
    if discount.skus and not discount.skus.intersection(filter(None, skus)):
        raise wrong_input(
            f"The discount {discount.label!r} applies to {', '.join(sorted(discount.skus))}; no line holds any of them."
        )
