"""What may be lost, held and ordered: the limits of a bot's plan and those of its account. Fractions are fractions.

The defaults here hold nothing back (a plan of a test or a backtest); those of real bots are the columns' own.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

ONE = Decimal(1)


class Sizing(StrEnum):
    """How much an entry spends."""

    FIXED = "fixed"  # the plan's capital per trade
    EQUITY = "equity"  # a share of the account's equity
    VOLATILITY = "volatility"  # so much that an adverse move costs a stated share of equity


@dataclass(frozen=True, slots=True)
class Limits:
    """A bot's own limits. Zero, None and one switch a rule off, as its comment says.

    `on_breach` is a rung of the stop ladder: what a running rule does to the bot (`StopLevel`).
    """

    sizing: Sizing = Sizing.FIXED
    equity_share: Decimal = ONE  # a trade's share of equity; with sizing by volatility the most it may take
    risk_per_trade: Decimal = ONE  # of equity, lost when the price falls by the stop or by one average range
    daily_loss: Decimal = ONE  # of the equity at the day's beginning (UTC); 1: off
    on_breach: int = 1
    loss_streak: int = 0  # losing trades in a row before a pause; 0: off
    pause: timedelta = timedelta(0)  # after a loss streak, or after slippage was too large on average
    cooldown: timedelta = timedelta(0)  # after a closed trade of the symbol; 0: off
    stop_cooldown: timedelta = timedelta(0)  # the same after a stop loss
    max_slippage: Decimal | None = None  # expected of an entry, and the average of the last fills; None: off
    price_band: Decimal | None = None  # distance of the ask from the last candle's close; None: off
    signal_age: timedelta | None = None  # since the close of the signal's candle; None: off
    orders_per_minute: int = 0  # 0: off
    stale_after: timedelta | None = None  # no price of a held coin for so long; None: off


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """Limits over all bots of an account, with the platform's own among them."""

    minimum_deposit: Decimal = Decimal(10)  # equity below it: no entries
    quote_age: timedelta = timedelta(seconds=60)
    coin_exposure: Decimal = ONE  # of equity in one coin, over all bots; 1: off
    group_exposure: Decimal = ONE  # of equity in coins that move together; 1: off
    daily_loss: Decimal = ONE  # as of a bot; 1: off
    on_breach: int = 1
    orders_per_minute: int = 0  # 0: off
    counted_from: datetime | None = None  # the owner had peak and losses counted anew


NO_LIMITS, NO_ACCOUNT_LIMITS = Limits(), AccountLimits()
