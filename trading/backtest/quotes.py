"""Quotes made from candles, by one stated path.

A candle becomes four quotes, at its open time plus 0, 1/4, 1/2 and 3/4 of the timeframe: open, low, high, close when
it closed at or above its open, else open, high, low, close. Bid and ask lie half a spread below and above, rounded away
from the price to the tick and at least one tick apart; each shows a share of the candle's volume, rounded down to the
lot. A signal made at a candle's close acts on quotes of later candles only.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from trading.domain.money import amount_floor, exact, money, step_ceil, step_floor
from trading.domain.types import InstrumentSpec, Quote


@dataclass(frozen=True, slots=True)
class MarketModel:
    """How candles become quotes. Fractions are fractions: a spread of 0.0004 is 0.04 % of the price."""

    spread: Decimal = Decimal("0.0004")
    visible_share: Decimal = Decimal("0.01")  # of the candle's volume, at each quote
    latency: timedelta = timedelta(seconds=1)  # between a candle's close and the entry that its signal makes


@dataclass(frozen=True, slots=True)
class Candle:
    """One candle; prices in quote currency, volume in base currency."""

    open: float
    high: float
    low: float
    close: float
    volume: float


def path(candle: Candle) -> tuple[float, float, float, float]:
    """The four prices in the order they are taken to have come."""
    low_first = candle.close >= candle.open
    middle = (candle.low, candle.high) if low_first else (candle.high, candle.low)
    return (candle.open, *middle, candle.close)


@exact
def quotes_of(
    candle: Candle, spec: InstrumentSpec, opened: datetime, timeframe: timedelta, model: MarketModel
) -> list[Quote]:
    """The candle's four quotes. Raises ValueError for prices that are not positive numbers."""
    size = amount_floor(money(candle.volume) * model.visible_share, spec.lot_size)
    return [
        quote_at(price, size, spec, opened + timeframe * number / 4, model) for number, price in enumerate(path(candle))
    ]


@exact
def quote_at(price: float, size: Decimal, spec: InstrumentSpec, at: datetime, model: MarketModel) -> Quote:
    """One quote around a price."""
    middle, half = money(price), model.spread / 2
    bid = step_floor(middle * (1 - half), spec.tick_size)
    ask = step_ceil(middle * (1 + half), spec.tick_size)
    if bid <= 0:
        raise ValueError(f"A price of {price} for {spec.symbol} is not positive, or below its tick {spec.tick_size}.")
    return Quote(spec.symbol, bid, max(ask, bid + spec.tick_size), size, size, at)
