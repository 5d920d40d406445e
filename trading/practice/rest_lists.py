"""Order lists: OCO through the old and the new endpoint, their queries and cancellation."""

from typing import Any

from trading.practice import desk, errors, reports
from trading.practice.gateway import SIGNED, Call, Endpoint
from trading.practice.orders import BUY, Order, OrderList
from trading.practice.params import Params

STOPS = ("STOP_LOSS", "STOP_LOSS_LIMIT")


def _leg(params: Params, kind: str, names: dict[str, str]) -> Params:
    """One leg's parameters out of the list's; ``names`` maps a leg's parameter to the list's."""
    names = {"symbol": "symbol", "side": "side", "quantity": "quantity"} | names
    given = {name: params.text(source) for name, source in names.items() if source in params}
    return Params(given | {"type": kind})


def oco_old(call: Call) -> Any:
    """POST /order/oco: a limit price, a stop price and maybe a stop-limit price."""
    params = call.params
    limit = _leg(params, "LIMIT_MAKER", {"price": "price", "newClientOrderId": "limitClientOrderId"})
    names = {"stopPrice": "stopPrice", "newClientOrderId": "stopClientOrderId"}
    kind = "STOP_LOSS"
    if "stopLimitPrice" in params:
        kind, names = "STOP_LOSS_LIMIT", names | {"price": "stopLimitPrice", "timeInForce": "stopLimitTimeInForce"}
    return _place(call, limit, _leg(params, kind, names))


def oco_new(call: Call) -> Any:
    """POST /orderList/oco: one leg above the market and one below, one of them LIMIT_MAKER and one a stop loss."""
    limit, stop = ("below", "above") if call.params.text("side") == BUY else ("above", "below")
    kind = call.params.choice(f"{stop}Type", STOPS, errors.bad_choice(-1116, "orderType"))
    call.params.choice(f"{limit}Type", ("LIMIT_MAKER",), errors.bad_choice(-1116, "orderType"))
    names = {"stopPrice": f"{stop}StopPrice", "newClientOrderId": f"{stop}ClientOrderId"}
    if kind == "STOP_LOSS_LIMIT":
        names |= {"price": f"{stop}Price", "timeInForce": f"{stop}TimeInForce"}
    first = _leg(call.params, "LIMIT_MAKER", {"price": f"{limit}Price", "newClientOrderId": f"{limit}ClientOrderId"})
    return _place(call, first, _leg(call.params, kind, names))


def _place(call: Call, limit: Params, stop: Params) -> Any:
    return _with_reports(*desk.oco_place(call.exchange, call.owner, call.params, (limit, stop)), call.params)


def _with_reports(orders: OrderList, legs: tuple[Order, Order], params: Params) -> Any:
    detail = params.text("newOrderRespType", "RESULT")
    return _core(orders, legs) | {"orderReports": [reports.order_placed(leg, [], detail) for leg in legs]}


def _core(orders: OrderList, legs: tuple[Order, ...]) -> Any:
    return reports.list_core(orders, (legs[0].client_id, legs[1].client_id))


def _legs(call: Call, orders: OrderList) -> tuple[Order, ...]:
    found = (call.exchange.order_find(call.owner, orders.symbol, id, None) for id in (orders.first, orders.second))
    return tuple(order for order in found if order)


def _find(call: Call) -> OrderList:
    """By orderListId, or by the list's client id (origClientOrderId when asking, listClientOrderId when cancelling)."""
    call.exchange.tick()
    name = "listClientOrderId" if "listClientOrderId" in call.params else "origClientOrderId"
    if "orderListId" in call.params:
        condition, value = "id = ?", call.params.text("orderListId")
    elif name in call.params:
        condition, value = "client_id = ?", call.params.text(name)
    else:
        raise errors.missing_either("origClientOrderId", "orderListId")
    where = f"account = ? AND {condition} ORDER BY id DESC LIMIT 1"
    found = next(call.exchange.store.select(OrderList, where, (call.owner.id, value)), None)
    if found is None:
        raise errors.no_such_list()
    return found


def list_query(call: Call) -> Any:
    """One order list."""
    orders = _find(call)
    return _core(orders, _legs(call, orders))


def lists_all(call: Call) -> Any:
    """The latest order lists."""
    return _rows(call, "account = ? ORDER BY id DESC LIMIT 500")[::-1]


def lists_open(call: Call) -> Any:
    """Order lists that may still execute."""
    return _rows(call, "account = ? AND status = 'EXECUTING' ORDER BY id")


def _rows(call: Call, where: str) -> list[Any]:
    call.exchange.tick()
    found = list(call.exchange.store.select(OrderList, where, (call.owner.id,)))
    return [_core(orders, _legs(call, orders)) for orders in found]


def list_cancel(call: Call) -> Any:
    """Cancel both orders of a list."""
    orders = _find(call)
    legs = _legs(call, orders)
    live = [leg for leg in legs if leg.live]
    if not live:
        raise errors.cancel_rejected()
    request_id, now = desk.random_id(), call.exchange.clock()
    call.exchange.engine.cancel(live[0], now, request_id)
    call.exchange.commit(now)
    orders.status = "ALL_DONE"
    return _core(orders, legs) | {"orderReports": [reports.order_canceled(leg, request_id) for leg in legs]}


LIST = "/api/v3/orderList"
ENDPOINTS = (
    Endpoint("POST", "/api/v3/order/oco", oco_old, 1, SIGNED, None, "spot", is_order=True),
    Endpoint("POST", f"{LIST}/oco", oco_new, 1, SIGNED, "orderList.place.oco", "spot", is_order=True),
    Endpoint("GET", LIST, list_query, 4, SIGNED, "orderList.status"),
    Endpoint("DELETE", LIST, list_cancel, 1, SIGNED, "orderList.cancel", "spot"),
    Endpoint("GET", "/api/v3/allOrderList", lists_all, 20, SIGNED, "allOrderLists"),
    Endpoint("GET", "/api/v3/openOrderList", lists_open, 6, SIGNED, "openOrderLists.status"),
)
