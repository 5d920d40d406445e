"""Stops at Bybit, spot of a unified account: conditional orders (`orderFilter` StopOrder) under one id for life.

Documented (v5): "Triggered" is the "instantaneous state for conditional orders from Untriggered to New" (Enums
Definitions, orderStatus), so what was set off is the same order; it takes no coins before ("the required assets will be
occupied after the Conditional order is triggered", Place Order); lists hold "all kinds of orders by default" (Get Open
& Closed Orders, Get Order History). Others recorded Untriggered, Triggered and Filled under the `orderId` that placing
gave (demo trading, April 2026). A TP/SL order (`tpslOrder`) takes the coins at once, but has become another order ("The
new order ID after the TP/SL order is triggered", v3 spot, Stop Order), so none is placed.

The way of the trigger follows from the price at which the order arrives (`triggerDirection` is for contracts): one that
arrives below its price would wait for the rise. The platform watches the level, too: it takes such a stop back, and
sells.
"""

from decimal import Decimal
from itertools import product
from typing import Any

from accounts.exchanges import pages
from accounts.exchanges.quirks.base import StopsApart
from accounts.exchanges.quirks.bybit_lists import TRADES

ANY: dict[str, str] = {}
STOPS_ONLY = {"orderFilter": "StopOrder"}


async def create(client: Any, symbol: str, amount: str, stop_price: str, client_order_id: str) -> Any:
    """`triggerPrice` is ccxt's word for a conditional order; `stopLossPrice` would make it a TP/SL order."""
    params = {"triggerPrice": stop_price, "clientOrderId": client_order_id}
    return await client.create_order(symbol, "market", "sell", amount, None, params)


async def look(client: Any, _order_id: str, client_order_id: str, symbol: str) -> Any:
    """By our id, which it keeps; None only when no list has it, asked both ways, and nothing was sold under it."""
    found = await listed(client, symbol, {"orderLinkId": client_order_id}, ANY, STOPS_ONLY)
    if found is None:
        return await _by_sales(client, client_order_id, symbol)
    if not found.get("filled"):
        return found
    return {**found, "trades": await pages.order_trades(client, TRADES, found["id"], symbol, {})}


async def _by_sales(client: Any, client_order_id: str, symbol: str) -> Any:
    """Lists go back seven days, and a stop may rest longer before it sells: then its executions tell of it."""
    rows = await pages.order_trades(client, TRADES, None, symbol, {"clientOrderId": client_order_id})
    trades = [row for row in rows if row["info"].get("orderLinkId") == client_order_id]
    if not trades:
        return None
    filled = sum((Decimal(row["info"]["execQty"]) for row in trades), Decimal(0))
    own = {"id": trades[0]["order"], "clientOrderId": client_order_id, "symbol": symbol, "side": "sell"}
    return {**own, "status": "closed", "filled": f"{filled:f}", "trades": trades}


async def listed(client: Any, symbol: str, wanted: dict[str, str], *kinds: dict[str, str]) -> Any:
    """The first order that is `wanted` in what is open or closed a moment ago, else in the history; or None."""
    market = client.market(symbol)
    for ask, kind in product((client.privateGetV5OrderRealtime, client.privateGetV5OrderHistory), kinds or (ANY,)):
        answer = await ask({"category": "spot", "symbol": market["id"], **wanted, **kind})
        for row in (answer.get("result") or {}).get("list") or []:
            if wanted.items() <= row.items():
                return client.parse_order(row, market)
    return None


async def as_listed(_client: Any, _symbol: str, rows: list[Any]) -> list[Any]:
    """Stops are among the open orders, and their sales among the trades, under the ids of what was placed."""
    return rows


async def cancel(client: Any, order_id: str, client_order_id: str, symbol: str) -> None:
    """Unless told that it is a stop, Bybit looks for it among the other orders only."""
    named = {} if order_id else {"orderLinkId": client_order_id}
    await client.cancel_order(order_id or None, symbol, {"trigger": True, **named})


STOPS = StopsApart(look=look, open_too=as_listed, cancel=cancel, trades_told=as_listed, expires_s=10.0)
