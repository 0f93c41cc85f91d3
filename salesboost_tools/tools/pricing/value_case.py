"""What a purchase costs to own and what it brings: total cost of ownership, payback, return on investment."""

from dataclasses import dataclass
from decimal import Decimal, localcontext

from salesboost_tools.tools.pricing.money import EXACT, Rounding, whole

MONTHS_A_YEAR = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What the purchase costs before tax, in minor units: once, and over `months` of the term."""

    one_time_minor: int
    recurring_minor: int
    months: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gains:
    """What the buyer expects, in minor units a year: benefits, and today's costs that fall away."""

    annual_benefit_minor: int
    replaced_annual_cost_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueCase:
    """The case over a horizon, in minor units.

    Attributes:
        total_cost_minor: Total cost of ownership: once, plus running costs at the same price for the whole horizon.
        payback_months: The first month after which the gains have covered the costs; None if that never happens.
        roi_fraction: Net gain per money spent, four digits; None if nothing is spent.
    """

    horizon_months: int
    total_cost_minor: int
    total_gain_minor: int
    payback_months: int | None
    roi_fraction: Decimal | None

    @property
    def net_gain_minor(self) -> int:
        """Gains less costs; may be negative."""
        return self.total_gain_minor - self.total_cost_minor


def value_case(costs: Costs, gains: Gains, *, horizon_months: int, rounding: Rounding) -> ValueCase:
    """Return the case for buying, without discounting future money (simple payback, simple ROI).

    ROI = (gains - costs) / costs over the horizon. Costs and gains run evenly over the months.
    """
    with localcontext(EXACT):
        running = whole(Decimal(costs.recurring_minor * horizon_months) / costs.months, rounding)
        yearly = gains.annual_benefit_minor + gains.replaced_annual_cost_minor
        gain = whole(Decimal(yearly * horizon_months) / MONTHS_A_YEAR, rounding)
        cost = costs.one_time_minor + running
        roi = ((Decimal(gain) - cost) / cost).quantize(Decimal("0.0001")) if cost else None
    return ValueCase(
        horizon_months=horizon_months,
        total_cost_minor=cost,
        total_gain_minor=gain,
        payback_months=_payback_months(costs, yearly),
        roi_fraction=roi,
    )


def _payback_months(costs: Costs, yearly_gain_minor: int) -> int | None:
    """Return the smallest whole m with m * monthly gain >= once + m * monthly cost, in exact whole numbers."""
    surplus = yearly_gain_minor * costs.months - costs.recurring_minor * MONTHS_A_YEAR
    if surplus <= 0:
        return None if costs.one_time_minor or surplus else 0
    return -(-costs.one_time_minor * MONTHS_A_YEAR * costs.months // surplus)
