"""Endpoints of one account: balances, key restrictions, orders, fills, listen keys."""

from collections.abc import Callable
from typing import Any

from trading.practice import desk, errors, reports
from trading.practice.bookkeeping import FEE
from trading.practice.errors import ApiError
from trading.practice.gateway import KEY, SIGNED, Call, Endpoint
from trading.practice.orders import Fill, Order
from trading.practice.params import Params

DETAILS = ("ACK", "RESULT", "FULL")


def account(call: Call) -> Any:
    """Balances and rates."""
    call.exchange.tick()
    rates = {"maker": str(FEE), "taker": str(FEE), "buyer": "0", "seller": "0"}
    return {
        "makerCommission": 10, "takerCommission": 10, "buyerCommission": 0, "sellerCommission": 0,
        "commissionRates": rates, "canTrade": "spot" in call.owner.permissions,
        "canWithdraw": "withdraw" in call.owner.permissions, "canDeposit": True, "brokered": False,
        "requireSelfTradePrevention": False, "preventSor": False, "updateTime": call.now, "accountType": "SPOT",
        "balances": reports.balances(call.owner), "permissions": ["SPOT"], "uid": call.owner.id,
    }  # fmt: skip


def api_restrictions(call: Call) -> Any:
    """What the key may do."""
    allowed = call.owner.permissions
    no = ("enableInternalTransfer", "enableMargin", "enableFutures", "permitsUniversalTransfer", "enableVanillaOptions",
          "enableFixApiTrade", "enableFixReadOnly", "enablePortfolioMarginTrading")  # fmt: skip
    return {
        "ipRestrict": False, "createTime": 0, "enableReading": "read" in allowed,
        "enableWithdrawals": "withdraw" in allowed, "enableSpotAndMarginTrading": "spot" in allowed,
    } | dict.fromkeys(no, False)  # fmt: skip


def trade_fee(call: Call) -> Any:
    """Fees by pair."""
    listings = call.exchange.market.listings
    chosen = [call.exchange.market.listing(call.params.text("symbol")).symbol] if "symbol" in call.params else listings
    return [{"symbol": symbol, "makerCommission": str(FEE), "takerCommission": str(FEE)} for symbol in chosen]


def commission(call: Call) -> Any:
    """Fees of one pair."""
    symbol = call.exchange.market.listing(call.params.text("symbol")).symbol
    rates = {"maker": str(FEE), "taker": str(FEE), "buyer": "0.00000000", "seller": "0.00000000"}
    return {"symbol": symbol, "standardCommission": rates, "taxCommission": dict.fromkeys(rates, "0.00000000")}


def order_place(call: Call) -> Any:
    """Place an order."""
    detail = _detail(call.params)
    order, fills = desk.order_place(call.exchange, call.owner, call.params)
    return reports.order_placed(order, fills, detail)


def _detail(params: Params) -> str:
    default = "FULL" if params.text("type", "") in ("LIMIT", "MARKET") else "ACK"
    return params.choice("newOrderRespType", DETAILS, errors.bad_value("newOrderRespType"), default)


def order_test(call: Call) -> Any:
    """Check an order without placing it."""
    desk.order_place(call.exchange, call.owner, call.params, test=True)
    return {}


def order_query(call: Call) -> Any:
    """One order, open or closed."""
    return reports.order_status(desk.order_find(call.exchange, call.owner, call.params, errors.no_such_order()))


def order_cancel(call: Call) -> Any:
    """Cancel an order."""
    return reports.order_canceled(*desk.order_cancel(call.exchange, call.owner, call.params))


def cancel_replace(call: Call) -> Any:
    """Cancel one order and place another; with STOP_ON_FAILURE nothing is placed when the cancel fails."""
    modes = ("STOP_ON_FAILURE", "ALLOW_FAILURE")
    mode = call.params.choice("cancelReplaceMode", modes, errors.bad_value("cancelReplaceMode"))
    wanted = {"orderId": "cancelOrderId", "origClientOrderId": "cancelOrigClientOrderId"}
    wanted |= {"newClientOrderId": "cancelNewClientOrderId", "symbol": "symbol"}
    cancel = Params({name: call.params.text(given) for name, given in wanted.items() if given in call.params})
    gone = _attempt(lambda: reports.order_canceled(*desk.order_cancel(call.exchange, call.owner, cancel)))
    skipped = isinstance(gone, ApiError) and mode == "STOP_ON_FAILURE"
    placed = None if skipped else _attempt(lambda: order_place(call))
    results = {
        "cancelResult": _result(gone), "newOrderResult": "NOT_ATTEMPTED" if skipped else _result(placed),
        "cancelResponse": _body(gone), "newOrderResponse": _body(placed),
    }  # fmt: skip
    failures = [isinstance(gone, ApiError), skipped or isinstance(placed, ApiError)]
    if all(failures):
        raise ApiError(-2022, "Order cancel-replace failed.", 400, data=results)
    if any(failures):
        raise ApiError(-2021, "Order cancel-replace partially failed.", 409, data=results)
    return results


def _attempt(action: Callable[[], Any]) -> Any:
    try:
        return action()
    except ApiError as error:
        return error


def _result(outcome: Any) -> str:
    return "FAILURE" if isinstance(outcome, ApiError) else "SUCCESS"


def _body(outcome: Any) -> Any:
    return outcome.body() if isinstance(outcome, ApiError) else outcome


def _maybe_symbol(call: Call) -> str | None:
    return call.exchange.market.listing(call.params.text("symbol")).symbol if "symbol" in call.params else None


def open_orders(call: Call) -> Any:
    """Open orders of one pair or of all."""
    call.exchange.tick()
    found = call.exchange.open_orders(call.owner, _maybe_symbol(call))
    return [reports.order_status(order) for order in found]


def cancel_all(call: Call) -> Any:
    """Cancel a pair's open orders."""
    symbol = call.exchange.market.listing(call.params.text("symbol")).symbol
    now = call.exchange.reach(symbol)
    orders = call.exchange.open_orders(call.owner, symbol)
    if not orders:
        raise errors.cancel_rejected()
    request_id = desk.random_id()
    for order in orders:
        if order.live:  # a list's second leg went with its first
            call.exchange.engine.cancel(order, now, request_id)
    call.exchange.commit(now)
    return [reports.order_canceled(order, request_id) for order in orders]


def _history(call: Call, kind: type, time: str) -> list[Any]:
    """Rows of one symbol by orderId / fromId and time, oldest first; without a start, the latest ones."""
    symbol = call.exchange.market.listing(call.params.text("symbol")).symbol
    call.exchange.tick()
    limit = min(call.params.integer("limit", 500, 1), 1000)
    where, values = "account = ? AND symbol = ?", [call.owner.id, symbol]
    bounds = {"startTime": f"{time} >= ?", "endTime": f"{time} <= ?"}
    bounds |= {"orderId": "order_id = ?", "fromId": "id >= ?"} if kind is Fill else {"orderId": "id >= ?"}
    for name, condition in bounds.items():
        if name in call.params:
            where, values = f"{where} AND {condition}", [*values, call.params.integer(name)]
    starts = ("startTime", "fromId") if kind is Fill else ("startTime", "orderId")
    forward = any(name in call.params for name in starts)
    order = f"{where} ORDER BY id {'ASC' if forward else 'DESC'} LIMIT {limit}"
    rows = list(call.exchange.store.select(kind, order, tuple(values)))
    return rows if forward else rows[::-1]


def all_orders(call: Call) -> Any:
    """Orders of a pair, open and closed."""
    return [reports.order_status(order) for order in _history(call, Order, "created")]


def my_trades(call: Call) -> Any:
    """Fills of a pair."""
    return [reports.fill_status(fill) for fill in _history(call, Fill, "time")]


def listen_key_new(call: Call) -> Any:
    """Open a user-data stream."""
    return {"listenKey": call.exchange.listen_keys.create(call.owner.id, call.now)}


def listen_key_keep(call: Call) -> Any:
    """Extend a listen key."""
    call.exchange.listen_keys.extend(call.params.text("listenKey"), call.now)
    return {}


def listen_key_close(call: Call) -> Any:
    """Close a listen key."""
    call.exchange.listen_keys.close(call.params.text("listenKey"))
    return {}


STREAM = "/api/v3/userDataStream"
ENDPOINTS = (
    Endpoint("GET", "/api/v3/account", account, 20, SIGNED, "account.status"),
    Endpoint("GET", "/sapi/v1/account/apiRestrictions", api_restrictions, 1, SIGNED),
    Endpoint("GET", "/sapi/v1/asset/tradeFee", trade_fee, 1, SIGNED),
    Endpoint("GET", "/api/v3/account/commission", commission, 20, SIGNED, "account.commission"),
    Endpoint("POST", "/api/v3/order", order_place, 1, SIGNED, "order.place", "spot", is_order=True),
    Endpoint("POST", "/api/v3/order/test", order_test, 1, SIGNED, "order.test", "spot"),
    Endpoint("GET", "/api/v3/order", order_query, 4, SIGNED, "order.status"),
    Endpoint("DELETE", "/api/v3/order", order_cancel, 1, SIGNED, "order.cancel", "spot"),
    Endpoint(
        "POST", "/api/v3/order/cancelReplace", cancel_replace, 1, SIGNED, "order.cancelReplace", "spot", is_order=True
    ),
    Endpoint(
        "GET", "/api/v3/openOrders", open_orders, lambda p: 6 if "symbol" in p else 80, SIGNED, "openOrders.status"
    ),
    Endpoint("DELETE", "/api/v3/openOrders", cancel_all, 1, SIGNED, "openOrders.cancelAll", "spot"),
    Endpoint("GET", "/api/v3/allOrders", all_orders, 20, SIGNED, "allOrders"),
    Endpoint("GET", "/api/v3/myTrades", my_trades, 20, SIGNED, "myTrades"),
    Endpoint("POST", STREAM, listen_key_new, 2, KEY, "userDataStream.start"),
    Endpoint("PUT", STREAM, listen_key_keep, 2, KEY, "userDataStream.ping"),
    Endpoint("DELETE", STREAM, listen_key_close, 2, KEY, "userDataStream.stop"),
)
