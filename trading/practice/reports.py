"""Orders, fills and accounts as Binance writes them, in answers and in the user-data stream."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from trading.practice.accounts import Account
from trading.practice.decimals import ZERO, plain
from trading.practice.orders import Fill, Order, OrderList

Json = dict[str, Any]


def order_core(order: Order) -> Json:
    """The members that every answer about an order carries."""
    return {
        "symbol": order.symbol, "orderId": order.id, "orderListId": order.list_id, "clientOrderId": order.client_id,
        "price": plain(order.price), "origQty": plain(order.qty), "executedQty": plain(order.executed),
        "origQuoteOrderQty": plain(order.quote_qty), "cummulativeQuoteQty": plain(order.cum_quote),
        "status": order.status, "timeInForce": order.tif, "type": order.type, "side": order.side,
        "selfTradePreventionMode": "EXPIRE_MAKER",
    } | ({"stopPrice": plain(order.stop)} if order.stop else {})  # fmt: skip


def order_status(order: Order) -> Json:
    """Answer to a query."""
    rest = {"stopPrice": plain(order.stop), "icebergQty": plain(ZERO), "time": order.created}
    working = {"isWorking": bool(order.working), "workingTime": order.created if order.working else -1}
    return order_core(order) | rest | {"updateTime": order.updated} | working


def order_placed(order: Order, fills: Iterable[Fill], detail: str) -> Json:
    """Answer to a placement; ``detail`` is ACK, RESULT or FULL."""
    if detail == "ACK":
        names = ("symbol", "orderId", "orderListId", "clientOrderId")
        return {name: order_core(order)[name] for name in names} | {"transactTime": order.updated}
    answer = order_core(order) | {"transactTime": order.updated, "workingTime": order.created if order.working else -1}
    return answer | ({"fills": [fill_brief(fill) for fill in fills]} if detail == "FULL" else {})


def order_canceled(order: Order, request_id: str) -> Json:
    """Answer to a cancellation: the request's id becomes the client id, the order's own is kept beside it."""
    ids = {"origClientOrderId": order.client_id, "clientOrderId": request_id}
    return order_core(order) | ids | {"transactTime": order.updated}


def fill_brief(fill: Fill) -> Json:
    """A fill inside the answer to a placement."""
    amounts = {"price": plain(fill.price), "qty": plain(fill.qty), "commission": plain(fill.fee)}
    return amounts | {"commissionAsset": fill.fee_asset, "tradeId": fill.id}


def fill_status(fill: Fill) -> Json:
    """A row of myTrades."""
    return {
        "symbol": fill.symbol, "id": fill.id, "orderId": fill.order_id, "orderListId": fill.list_id,
        "price": plain(fill.price), "qty": plain(fill.qty), "quoteQty": plain(fill.quote),
        "commission": plain(fill.fee), "commissionAsset": fill.fee_asset, "time": fill.time,
        "isBuyer": fill.side == "BUY", "isMaker": bool(fill.maker), "isBestMatch": True,
    }  # fmt: skip


def list_core(orders: OrderList, client_ids: tuple[str, str]) -> Json:
    """An order list in an answer or an event's REST form."""
    legs = zip((orders.first, orders.second), client_ids, strict=True)
    done = orders.status == "ALL_DONE"
    return {
        "orderListId": orders.id, "contingencyType": "OCO", "listStatusType": "ALL_DONE" if done else "EXEC_STARTED",
        "listOrderStatus": orders.status, "listClientOrderId": orders.client_id, "transactionTime": orders.created,
        "symbol": orders.symbol,
        "orders": [{"symbol": orders.symbol, "orderId": id, "clientOrderId": client} for id, client in legs],
    }  # fmt: skip


def balances(account: Account) -> list[Json]:
    """Non-zero balances."""
    return [
        {"asset": asset, "free": plain(account.free[asset]), "locked": plain(account.locked[asset])}
        for asset in account.assets()
    ]


def execution(order: Order, kind: str, now: int, fill: Fill | None = None, request_id: str = "") -> Json:
    """The executionReport event."""
    return {
        "e": "executionReport", "E": now, "s": order.symbol, "c": request_id or order.client_id, "S": order.side,
        "o": order.type, "f": order.tif, "q": plain(order.qty), "p": plain(order.price), "P": plain(order.stop),
        "F": plain(ZERO), "g": order.list_id, "C": order.client_id if request_id else "", "x": kind, "X": order.status,
        "r": "NONE", "i": order.id, "l": plain(fill.qty if fill else ZERO), "z": plain(order.executed),
        "L": plain(fill.price if fill else ZERO), "n": plain(fill.fee) if fill else "0",
        "N": fill.fee_asset if fill else None, "T": now, "t": fill.id if fill else -1, "I": order.id,
        "w": bool(order.live and order.working), "m": bool(fill and fill.maker), "M": False, "O": order.created,
        "Z": plain(order.cum_quote), "Y": plain(fill.quote if fill else ZERO), "Q": plain(order.quote_qty),
        "W": order.created, "V": "EXPIRE_MAKER",
    }  # fmt: skip


def rejection(order: Order, now: int, reason: str) -> Json:
    """The executionReport of an order that the engine refused."""
    return execution(order, "REJECTED", now) | {"X": "REJECTED", "r": reason, "w": False}


def list_status(orders: OrderList, kind: str, now: int) -> Json:
    """The listStatus event."""
    legs = [{"s": orders.symbol, "i": id, "c": ""} for id in (orders.first, orders.second)]
    status = {"g": orders.id, "c": "OCO", "l": kind, "L": orders.status, "r": "NONE", "C": orders.client_id}
    return {"e": "listStatus", "E": now, "s": orders.symbol} | status | {"T": now, "O": legs}


def position(account: Account, assets: Iterable[str], now: int) -> Json:
    """The outboundAccountPosition event."""
    rows = [{"a": asset, "f": plain(account.free[asset]), "l": plain(account.locked[asset])} for asset in assets]
    return {"e": "outboundAccountPosition", "E": now, "u": now, "B": rows}


def deposit(asset: str, amount: Decimal, now: int) -> Json:
    """The balanceUpdate event."""
    return {"e": "balanceUpdate", "E": now, "a": asset, "d": plain(amount), "T": now}
