"""Pre-trade risk: one rule a file, asked in the order of `RULES`; the first denial stands.

A new rule is a neighbour's file copied, with a function `check(view) -> Denial | None`, and its place in `RULES`.
"""

from collections.abc import Callable

from trading.domain.risk import (
    capital,
    confidence,
    drawdown,
    expiry,
    max_positions,
    minimum_deposit,
    one_position,
    quote_age,
    size,
    spread,
    stop_ladder,
)
from trading.domain.risk.view import Denial, RiskView

Rule = Callable[[RiskView], Denial | None]

RULES: tuple[Rule, ...] = (
    stop_ladder.check,
    expiry.check,
    confidence.check,
    one_position.check,
    max_positions.check,
    quote_age.check,
    spread.check,
    minimum_deposit.check,
    drawdown.check,
    size.check,
    capital.check,
)


def first_denial(view: RiskView) -> Denial | None:
    """The first rule's refusal, or None when the entry may go."""
    return next((found for found in (rule(view) for rule in RULES) if found is not None), None)


__all__ = ["RULES", "Denial", "RiskView", "Rule", "first_denial"]
