"""Risk: one rule a file. Before an entry they are asked in the order of `RULES`, and the first denial stands.

A new rule is a neighbour's file copied, with a function `check(view) -> Denial | None`, its place in `RULES`, and its
line in docs/risk.md. Those of `RUNNING` also have `breach(watch) -> Denial | None`, asked whenever the account is
looked at (`running`): what it says comes into force for the bot, and is acted on.
"""

from collections.abc import Callable

from trading.domain.risk import (
    account_loss,
    capacity,
    capital,
    coin_exposure,
    confidence,
    cooldown,
    daily_loss,
    drawdown,
    expiry,
    group_exposure,
    loss_streak,
    max_positions,
    minimum_deposit,
    one_position,
    order_rate,
    price_band,
    quote_age,
    signal_age,
    size,
    slippage,
    slippage_average,
    spread,
    stale_data,
    stop_ladder,
    volatility,
)
from trading.domain.risk.view import Denial, RiskView, Watch

Rule = Callable[[RiskView], Denial | None]

RULES: tuple[Rule, ...] = (
    stop_ladder.check,
    expiry.check,
    confidence.check,
    signal_age.check,
    one_position.check,
    max_positions.check,
    quote_age.check,
    spread.check,
    price_band.check,
    stale_data.check,
    minimum_deposit.check,
    drawdown.check,
    daily_loss.check,
    account_loss.check,
    loss_streak.check,
    slippage_average.check,
    cooldown.check,
    order_rate.check,
    volatility.check,
    size.check,
    capital.check,
    coin_exposure.check,
    group_exposure.check,
    slippage.check,
    capacity.check,  # last: it has been taken for this entry already
)
RUNNING: tuple[Callable[[Watch], Denial | None], ...] = (
    daily_loss.breach,
    account_loss.breach,
    drawdown.breach,
    stale_data.breach,
)


def first_denial(view: RiskView) -> Denial | None:
    """The first rule's refusal, or None when the entry may go."""
    return next((found for found in (rule(view) for rule in RULES) if found is not None), None)


__all__ = ["RULES", "RUNNING", "Denial", "RiskView", "Rule", "Watch", "first_denial"]
