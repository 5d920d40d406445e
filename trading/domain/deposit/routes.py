"""By which pairs a currency becomes another: directly, or through one bridge, the most liquid way first.

A route's liquidity is that of its weakest leg: the leg's quote volume of 24 hours, expressed in the target currency.
Routes are worked out once for all tokens of an exchange; a valuation then only looks up the prices of their legs.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, Protocol

from trading.domain.money import exact

ONE = Decimal(1)
ZERO = Decimal(0)
BRIDGES = ("BTC", "ETH", "USDT", "USDC", "FDUSD", "DAI")
OLDEST_QUOTE = timedelta(seconds=300)


class Quoted(Protocol):
    """Best bid and ask in the pair's quote currency, and when they were seen."""

    @property
    def bid(self) -> Decimal:
        """What selling brings."""

    @property
    def ask(self) -> Decimal:
        """What buying costs."""

    @property
    def at(self) -> datetime:
        """When both were seen (UTC)."""


QuoteOf = Callable[[str], Quoted | None]  # by symbol


class Pair(NamedTuple):
    """A pair that the exchange trades; `volume` is what was traded in 24 hours, in quote currency."""

    symbol: str
    base: str
    quote: str
    volume: float


class Leg(NamedTuple):
    """One exchange of currencies: selling the pair's base at the bid, or buying it at the ask."""

    symbol: str
    sells_base: bool
    volume: float  # in 24 hours, quote currency of the pair


@dataclass(frozen=True, slots=True)
class Route:
    """`currencies` from the token to the target; `legs` are one fewer. `liquidity` is in the target currency."""

    currencies: tuple[str, ...]
    legs: tuple[Leg, ...]
    liquidity: Decimal = ZERO


class Priced(NamedTuple):
    """The price of one token in the target currency, and when its oldest leg was seen."""

    price: Decimal
    at: datetime


@dataclass(slots=True)
class Routes:
    """All routes of one exchange to one currency."""

    target: str
    by_currency: dict[str, tuple[Route, ...]] = field(default_factory=dict)  # most liquid first

    def symbols(self, currency: str) -> set[str]:
        """Pairs whose quotes price this currency by its most liquid route."""
        return {leg.symbol for route in self.by_currency.get(currency, ())[:1] for leg in route.legs}

    def priced(self, currency: str, quote_of: QuoteOf, at: datetime) -> tuple[Route, Priced] | None:
        """The most liquid route whose quotes can all be used now, with its price; None without one."""
        for route in self.by_currency.get(currency, ()):
            if (found := route_price(route, quote_of, at)) is not None:
                return route, found
        return None


@exact
def routes_build(pairs: Iterable[Pair], target: str, quote_of: QuoteOf) -> Routes:
    """Routes of every currency to `target`. Pairs of a currency with itself lead nowhere and are left out."""
    steps: dict[str, dict[str, list[Leg]]] = defaultdict(lambda: defaultdict(list))
    for symbol, base, quote, volume in pairs:
        if base != quote:
            steps[base][quote].append(Leg(symbol, True, volume))
            steps[quote][base].append(Leg(symbol, False, volume))
    worth = {target: ONE, **{name: _bridge_price(steps[name][target], quote_of) for name in BRIDGES if name != target}}
    found = Routes(target)
    for currency, ways in list(steps.items()):
        if currency != target:
            routes = _routes(currency, target, ways, steps, worth, quote_of)
            found.by_currency[currency] = tuple(sorted(routes, key=_best_first))
    return found


def _best_first(route: Route) -> tuple[object, ...]:
    return -route.liquidity, len(route.legs), route.currencies, route.legs


def _routes(
    currency: str,
    target: str,
    ways: dict[str, list[Leg]],
    steps: dict[str, dict[str, list[Leg]]],
    worth: dict[str, Decimal],
    quote_of: QuoteOf,
) -> list[Route]:
    found = [Route((currency, target), (leg,), _depth(leg, ONE, quote_of)) for leg in ways.get(target, ())]
    for bridge in BRIDGES:
        if bridge in (currency, target) or bridge not in ways:
            continue
        for first in ways[bridge]:
            into = _depth(first, worth[bridge], quote_of)
            for second in steps[bridge].get(target, ()):
                weakest = min(into, _depth(second, ONE, quote_of))
                found.append(Route((currency, bridge, target), (first, second), weakest))
    return found


def _depth(leg: Leg, worth: Decimal, quote_of: QuoteOf) -> Decimal:
    """The leg's volume in the target currency; `worth` is the price of what it leads to. 0 where it is not known."""
    if not math.isfinite(leg.volume) or leg.volume <= 0:
        return ZERO
    volume = Decimal(repr(float(leg.volume)))
    if leg.sells_base:  # the volume is in the currency that the leg leads to
        return volume * worth
    quote = quote_of(leg.symbol)
    return volume / quote.ask * worth if quote is not None and sound(quote) else ZERO


def _bridge_price(legs: Iterable[Leg], quote_of: QuoteOf) -> Decimal:
    """Of the most traded pair with a sound quote, however old: it only weighs volumes against each other."""
    for leg in sorted(legs, key=lambda leg: (-leg.volume, leg)):
        quote = quote_of(leg.symbol)
        if quote is not None and sound(quote):
            return _leg_price(leg, quote)
    return ZERO


def sound(quote: Quoted) -> bool:
    """Whether bid and ask are prices: finite, above zero, not crossed."""
    return quote.bid.is_finite() and quote.ask.is_finite() and ZERO < quote.bid <= quote.ask


def _leg_price(leg: Leg, quote: Quoted) -> Decimal:
    return quote.bid if leg.sells_base else ONE / quote.ask


@exact
def route_price(route: Route, quote_of: QuoteOf, at: datetime) -> Priced | None:
    """What one token brings by this route; None when a leg has no sound quote of the last `OLDEST_QUOTE`."""
    price, oldest = ONE, at
    for leg in route.legs:
        quote = quote_of(leg.symbol)
        if quote is None or not sound(quote) or at - quote.at > OLDEST_QUOTE:
            return None
        price, oldest = price * _leg_price(leg, quote), min(oldest, quote.at)
    return Priced(price, oldest)
