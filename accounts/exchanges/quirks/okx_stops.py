"""Stops at OKX, alone or with a target (`oco`): algo orders, in lists of their own.

One that is set off sends an order under another id ("child"); the two name each other (`ordIdList` here; `algoId`
there), and to the platform both are the one order that it placed.

`expTime` is heeded where orders are placed and amended ("The following endpoints are supported: Place order, Place
multiple orders, Amend order, Amend multiple orders ...", Transaction Timeouts), so not here: a request that was delayed
may arrive as long as its signed time holds, and a stop counts as absent only after that.
"""

from collections.abc import Iterable
from decimal import Decimal
from itertools import product
from typing import Any

from accounts.exchanges import pages
from accounts.exchanges.errors import AnswerUnreadable
from accounts.exchanges.quirks.base import StopsApart
from accounts.exchanges.quirks.okx_lists import TRADES

KINDS = ("conditional", "oco")  # those that wait are listed together, those that ended one kind at a time
ENDED = ("effective", "canceled", "order_failed")  # the states by which what ended is listed
LIVE = ("live", "pause", "partially_effective", "effective")  # of one whose child is not shown yet, too
CHILD_OPEN = ("live", "partially_filled")
CHILD_ENDED = ("filled", "canceled", "mmp_canceled")
GONE = "OrderNotFound"


async def create(client: Any, symbol: str, amount: str, stop_price: str, client_order_id: str) -> Any:
    """`tdMode` is said, or ccxt would trade on margin; our id too, since ccxt gives it under an older name only."""
    return await _create(client, symbol, amount, client_order_id, {"stopLossPrice": stop_price})


async def create_pair(
    client: Any, symbol: str, amount: str, stop_price: str, target_price: str, client_order_id: str
) -> Any:
    """Sells at the market when either price is reached: a limit order at the target could be left without the stop."""
    prices = {"stopLossPrice": stop_price, "takeProfitPrice": target_price}
    return await _create(client, symbol, amount, client_order_id, prices)


async def _create(client: Any, symbol: str, amount: str, client_order_id: str, prices: dict[str, str]) -> Any:
    params = {**prices, "clientOrderId": client_order_id, "algoClOrdId": client_order_id, "tdMode": "cash"}
    return await client.create_order(symbol, "market", "sell", amount, None, params)


async def look(client: Any, order_id: str, client_order_id: str, symbol: str) -> Any:
    """One stop with what its child has sold, or None: by its own page, else in the lists."""
    named = {"algoId": order_id} if order_id else {"algoClOrdId": client_order_id}
    rows = await _rows(client.privateGetTradeOrderAlgo, named)
    if not rows:
        name, value = next(iter(named.items()))
        rows = [row for row in await _listed(client, symbol, ENDED) if row.get(name) == value]
    return await _told(client, rows[0], symbol) if rows else None


async def open_too(client: Any, symbol: str, rows: list[Any]) -> list[Any]:
    """Stops that wait, too."""
    return rows + [_answer(client, row, symbol, "open", "0", []) for row in await _listed(client, symbol, ())]


async def cancel(client: Any, order_id: str, client_order_id: str, symbol: str) -> None:
    """By our id while theirs is not known."""
    params = {"trigger": True} if order_id else {"trigger": True, "clientOrderId": client_order_id}
    await client.cancel_order(order_id or None, symbol, params)


async def trades_told(client: Any, symbol: str, rows: list[Any]) -> list[Any]:
    """Sales of orders that stops have sent under the stops' ids."""
    sent_by = await parents(client, symbol, {str(row.get("order")) for row in rows})
    return [{**row, "order": sent_by.get(str(row.get("order")), row.get("order"))} for row in rows]


async def parents(client: Any, symbol: str, order_ids: Iterable[str]) -> dict[str, str]:
    """Which of these orders were sent by stops, and by which."""
    market = client.market(symbol)
    wanted = set(order_ids)
    if not wanted:
        return {}
    asked = {"instType": "SPOT", "instId": market["id"]}
    rows = await _rows(client.privateGetTradeOrdersHistory, asked)
    known = {str(row.get("ordId")): str(row.get("algoId") or "") for row in rows}
    for order_id in wanted - known.keys():
        row = await _child(client, order_id, market)
        known[order_id] = str(row.get("algoId") or "")
    return {order_id: known[order_id] for order_id in wanted if known[order_id]}


async def _listed(client: Any, symbol: str, states: Iterable[str]) -> list[Any]:
    """What waits, and what ended so."""
    asked = {"instId": client.market(symbol)["id"]}
    rows = await _rows(client.privateGetTradeOrdersAlgoPending, {**asked, "ordType": ",".join(KINDS)})
    for kind, state in product(KINDS, states):
        rows += await _rows(client.privateGetTradeOrdersAlgoHistory, {**asked, "ordType": kind, "state": state})
    return rows


async def _told(client: Any, row: Any, symbol: str) -> Any:
    """Its state with the children's sales; while a child is not shown yet, it counts as open and is looked at again."""
    children = [one for one in row.get("ordIdList") or [row.get("ordId")] if one]
    _known(row.get("state"), (*LIVE, *ENDED))
    if not children:
        return _answer(client, row, symbol, "open" if row.get("state") in LIVE else "canceled", "0", [])
    market, trades, found = client.market(symbol), [], []
    for order_id in children:
        found.append(await _child(client, order_id, market))
        trades += await pages.order_trades(client, TRADES, order_id, symbol, {})
    for child in found:
        _known(child.get("state") if child else CHILD_OPEN[0], (*CHILD_OPEN, *CHILD_ENDED))
    working = any(not child or child.get("state") in CHILD_OPEN for child in found)
    sold = sum((Decimal(child.get("accFillSz") or 0) for child in found), Decimal(0))
    status = "open" if working else "closed" if sold >= Decimal(row["sz"]) else "canceled"
    return _answer(client, row, symbol, status, f"{sold:f}", trades)


def _known(state: Any, states: Iterable[str]) -> None:
    """Nothing can be said of what is in a state that nobody knows: least of all that it has ended."""
    if state not in states:
        raise AnswerUnreadable("The state of a stop, or of an order that it sent, is not known.")


async def _child(client: Any, order_id: str, market: Any) -> Any:
    """An order's row; empty while it is not shown."""
    rows = await _rows(client.privateGetTradeOrder, {"instId": market["id"], "ordId": order_id})
    return rows[0] if rows else {}


async def _rows(ask: Any, asked: dict[str, str]) -> list[Any]:
    try:
        return list((await ask(asked)).get("data") or [])
    except Exception as error:
        if type(error).__name__ != GONE:  # ccxt's, which is imported late
            raise
        return []


def _answer(client: Any, row: Any, symbol: str, status: str, filled: str, trades: list[Any]) -> Any:
    """In ccxt's words, under the stop's own ids."""
    order_id = str(row["algoId"])
    ours = row.get("algoClOrdId") or row.get("clOrdId") or None
    own = {"id": order_id, "clientOrderId": ours, "status": status, "filled": filled}
    found = client.parse_order(row, client.market(symbol))
    return {**found, **own, "trades": [{**trade, "order": order_id} for trade in trades]}


STOPS = StopsApart(look=look, open_too=open_too, cancel=cancel, trades_told=trades_told, expires_s=30.0)
