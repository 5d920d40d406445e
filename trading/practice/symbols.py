"""What can be traded and Binance's filters on it: served by exchangeInfo, enforced on every order."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from trading.practice.decimals import ZERO, floor_to, plain, power_of_ten
from trading.practice.errors import filter_failure

MIN_NOTIONAL = Decimal(5)
MAX_NOTIONAL = Decimal(100_000_000)
MARKET_NOTIONAL = Decimal(1_000_000)  # about what one market order may move
MULTIPLIER_UP, MULTIPLIER_DOWN = Decimal(5), Decimal("0.2")
MAX_ORDERS, MAX_ALGO_ORDERS = 200, 5
ORDER_TYPES = (
    "LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT",
)  # fmt: skip


@dataclass(frozen=True)
class Listing:
    """A spot pair; ``tick`` in quote per base, ``lot`` in base, ``typical`` a price of the pair's usual size.

    ``step`` and ``price_step`` are the grids of orders where they differ from the market's own lot and tick: an
    exchange changes them now and then. ``status`` is TRADING, BREAK or HALT.
    """

    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    typical: Decimal
    step: Decimal = ZERO
    price_step: Decimal = ZERO
    min_notional: Decimal = MIN_NOTIONAL
    status: str = "TRADING"

    @property
    def order_step(self) -> Decimal:
        """Order amounts are whole multiples of this."""
        return self.step or self.lot

    @property
    def order_tick(self) -> Decimal:
        """Order prices are whole multiples of this."""
        return self.price_step or self.tick

    @cached_property
    def symbol(self) -> str:
        """Binance's name of the pair."""
        return self.base + self.quote

    @cached_property
    def price_places(self) -> int:
        """Decimals of the tick, which is a power of ten."""
        return -self.tick.adjusted()

    @cached_property
    def qty_places(self) -> int:
        """Decimals of the lot, which is a power of ten."""
        return -self.lot.adjusted()

    @cached_property
    def max_qty(self) -> Decimal:
        """Largest order: a round number of lots worth at most MAX_NOTIONAL at the typical price."""
        return max(self.lot, power_of_ten((MAX_NOTIONAL / self.typical).adjusted()))

    @cached_property
    def max_market_qty(self) -> Decimal:
        """Largest market order."""
        return max(self.lot, power_of_ten((MARKET_NOTIONAL / self.typical).adjusted()))

    @cached_property
    def max_price(self) -> Decimal:
        """Largest price an order may carry."""
        return power_of_ten(self.typical.adjusted() + 3)

    def price(self, ticks: int) -> Decimal:
        """Ticks to a price."""
        return int(ticks) * self.tick

    def qty(self, lots: int) -> Decimal:
        """Lots to base units."""
        return int(lots) * self.lot

    def filters(self) -> list[dict[str, Any]]:
        """The pair's filters as exchangeInfo serves them."""
        step, tick = plain(self.order_step), plain(self.order_tick)
        lots = {"minQty": step, "maxQty": plain(self.max_qty), "stepSize": step}
        market = {"minQty": plain(ZERO), "maxQty": plain(self.max_market_qty), "stepSize": plain(ZERO)}
        prices = {"minPrice": tick, "maxPrice": plain(self.max_price), "tickSize": tick}
        up, down = str(MULTIPLIER_UP), str(MULTIPLIER_DOWN)
        sides = {"bidMultiplierUp": up, "bidMultiplierDown": down, "askMultiplierUp": up, "askMultiplierDown": down}
        notional = {"minNotional": plain(self.min_notional), "applyMinToMarket": True}
        notional |= {"maxNotional": plain(MAX_NOTIONAL), "applyMaxToMarket": False, "avgPriceMins": 0}
        return [
            {"filterType": "PRICE_FILTER"} | prices,
            {"filterType": "LOT_SIZE"} | lots,
            {"filterType": "MARKET_LOT_SIZE"} | market,
            {"filterType": "PERCENT_PRICE_BY_SIDE"} | sides | {"avgPriceMins": 0},
            {"filterType": "NOTIONAL"} | notional,
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": MAX_ORDERS},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": MAX_ALGO_ORDERS},
        ]

    def info(self) -> dict[str, Any]:
        """The pair's entry in exchangeInfo."""
        places = max(8, self.price_places)
        return {
            "symbol": self.symbol, "status": self.status, "baseAsset": self.base, "baseAssetPrecision": 8,
            "quoteAsset": self.quote, "quotePrecision": places, "quoteAssetPrecision": places,
            "baseCommissionPrecision": 8, "quoteCommissionPrecision": 8, "orderTypes": list(ORDER_TYPES),
            "icebergAllowed": False, "ocoAllowed": True, "otoAllowed": False, "opoAllowed": False,
            "quoteOrderQtyMarketAllowed": True, "allowTrailingStop": False, "cancelReplaceAllowed": True,
            "amendAllowed": False, "isSpotTradingAllowed": True, "isMarginTradingAllowed": False,
            "filters": self.filters(), "permissions": [], "permissionSets": [["SPOT"]],
            "defaultSelfTradePreventionMode": "EXPIRE_MAKER", "allowedSelfTradePreventionModes": ["EXPIRE_MAKER"],
        }  # fmt: skip

    def check_price(self, price: Decimal, last: Decimal) -> None:
        """Raise unless ``price`` is on the grid and near the market (``last``)."""
        if not self.order_tick <= price <= self.max_price or price % self.order_tick:
            raise filter_failure("PRICE_FILTER")
        if not last * MULTIPLIER_DOWN <= price <= last * MULTIPLIER_UP:
            raise filter_failure("PERCENT_PRICE_BY_SIDE")

    def check_tick(self, price: Decimal) -> None:
        """Raise unless a stop price is on the grid (it may lie far from the market)."""
        if not self.order_tick <= price <= self.max_price or price % self.order_tick:
            raise filter_failure("PRICE_FILTER")

    def check_qty(self, qty: Decimal, market: bool) -> None:
        """Raise unless ``qty`` is a whole number of lots within the limits."""
        if not self.order_step <= qty <= self.max_qty or qty % self.order_step:
            raise filter_failure("LOT_SIZE")
        if market and qty > self.max_market_qty:
            raise filter_failure("MARKET_LOT_SIZE")

    def check_notional(self, notional: Decimal, market: bool) -> None:
        """Raise unless the order's value is within the limits."""
        if notional < self.min_notional or (notional > MAX_NOTIONAL and not market):
            raise filter_failure("NOTIONAL")

    def whole_lots(self, qty: Decimal) -> Decimal:
        """Round a quantity down to the lot."""
        return floor_to(qty, self.order_step)


def lot_for(price: float) -> Decimal:
    """The lot worth roughly one quote unit or less, never above one coin."""
    return power_of_ten(min(0, -(Decimal(repr(price)).adjusted() + 1)))


def tick_for(price: float) -> Decimal:
    """A tick of about a hundred-thousandth of the price."""
    return power_of_ten(Decimal(repr(price)).adjusted() - 5)
