"""The order desk: reads a request for an order, checks it as Binance does, and hands it to the matching engine."""

import secrets
from decimal import Decimal

from trading.practice import errors
from trading.practice.accounts import Account
from trading.practice.decimals import ZERO
from trading.practice.errors import ApiError
from trading.practice.exchange import Exchange
from trading.practice.orders import BUY, SELL, STOP_TYPES, Fill, Order, OrderList
from trading.practice.params import Params
from trading.practice.symbols import MAX_ALGO_ORDERS, MAX_ORDERS, ORDER_TYPES, Listing

TIMES = ("GTC", "IOC", "FOK")
TIMED = ("LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT")
PRICED = (*TIMED, "LIMIT_MAKER")


def random_id() -> str:
    """A client id for those who send none."""
    return secrets.token_urlsafe(16)


def order_place(
    exchange: Exchange, account: Account, params: Params, *, test: bool = False
) -> tuple[Order, list[Fill]]:
    """Place one order; with ``test`` only check it. Raises Binance's error for what is wrong."""
    symbol = params.text("symbol")
    listing = exchange.market.listing(symbol)
    if listing.status != "TRADING":
        raise errors.market_closed()
    now = exchange.reach(symbol)
    last = exchange.market.last_price(symbol, now)
    order = _read(exchange, account, params, listing, now)
    _check_room(exchange, order, 1, int(order.is_stop))
    _check(order, listing, last)
    if test:
        return order, []
    return order, _enter(exchange, order, last, now)


def _enter(exchange: Exchange, order: Order, last: Decimal, now: int) -> list[Fill]:
    try:
        if order.is_stop and order.triggered_by(last):
            raise errors.rejected("Stop price would trigger immediately.")
        fills = exchange.engine.submit(order, now)
    except ApiError as error:
        exchange.books.note_rejection(order, now, error.message)
        exchange.commit(now)
        raise
    exchange.commit(now)
    return fills


def _read(exchange: Exchange, account: Account, params: Params, listing: Listing, now: int) -> Order:
    side = params.choice("side", (BUY, SELL), errors.bad_choice(-1117, "side"))
    kind = params.choice("type", ORDER_TYPES, errors.bad_choice(-1116, "orderType"))
    quote_qty = params.amount("quoteOrderQty") if kind == "MARKET" and "quantity" not in params else ZERO
    timed = kind in TIMED
    if not timed and "timeInForce" in params and params.text("timeInForce") != "GTC":
        raise errors.not_required("timeInForce")
    return Order(
        id=exchange.next_id(), account=account.id, symbol=listing.symbol,
        client_id=_client_id(exchange, account, params, "newClientOrderId"), side=side, type=kind,
        tif=params.choice("timeInForce", TIMES, errors.bad_choice(-1115, "timeInForce")) if timed else "GTC",
        qty=ZERO if quote_qty else params.amount("quantity"),
        price=params.amount("price") if kind in PRICED else ZERO,
        stop=params.amount("stopPrice") if kind in STOP_TYPES else ZERO,
        quote_qty=quote_qty, created=now, updated=now, working=int(kind not in STOP_TYPES),
    )  # fmt: skip


def _client_id(exchange: Exchange, account: Account, params: Params, name: str) -> str:
    """The id to use; one that an open order still carries is refused."""
    chosen = params.client_id(name)
    if chosen and any(order.client_id == chosen for order in exchange.open_orders(account)):
        raise errors.rejected("Duplicate order sent.")
    return chosen or random_id()


def _check(order: Order, listing: Listing, last: Decimal) -> None:
    """The filters on one order."""
    if order.price:
        listing.check_price(order.price, last)
    if order.stop:
        listing.check_tick(order.stop)
    if not order.quote_qty:
        listing.check_qty(order.qty, order.type == "MARKET")
    worth = order.quote_qty or order.qty * (order.price or order.stop or last)
    listing.check_notional(worth, order.at_market)


def _check_room(exchange: Exchange, order: Order, orders: int, algos: int) -> None:
    mine = exchange.open_orders(exchange.accounts[order.account], order.symbol)
    if len(mine) + orders > MAX_ORDERS:
        raise errors.filter_failure("MAX_NUM_ORDERS")
    if algos and sum(one.is_stop for one in mine) + algos > MAX_ALGO_ORDERS:
        raise errors.filter_failure("MAX_NUM_ALGO_ORDERS")


def order_find(exchange: Exchange, account: Account, params: Params, absent: ApiError) -> Order:
    """The order that ``orderId`` or ``origClientOrderId`` names; raises ``absent``."""
    symbol = exchange.market.listing(params.text("symbol")).symbol
    exchange.reach(symbol)
    order_id = params.integer("orderId") if "orderId" in params else None
    client_id = params.client_id("origClientOrderId")
    if order_id is None and client_id is None:
        raise errors.missing_either("origClientOrderId", "orderId")
    order = exchange.order_find(account, symbol, order_id, client_id)
    if order is None or (client_id and order.client_id != client_id):
        raise absent
    return order


def order_cancel(exchange: Exchange, account: Account, params: Params) -> tuple[Order, str]:
    """Cancel an open order (and its list); returns it with the id of the request."""
    order = order_find(exchange, account, params, errors.cancel_rejected())
    if not order.live:
        raise errors.cancel_rejected()
    request_id = params.client_id("newClientOrderId") or random_id()
    now = exchange.clock()
    exchange.engine.cancel(order, now, request_id)
    exchange.commit(now)
    return order, request_id


def oco_place(
    exchange: Exchange, account: Account, params: Params, legs: tuple[Params, Params]
) -> tuple[OrderList, tuple[Order, Order]]:
    """Place an OCO whose legs (LIMIT_MAKER, stop) are read from ``legs``; the list's own fields from ``params``."""
    symbol = params.text("symbol")
    listing, now = exchange.market.listing(symbol), exchange.reach(symbol)
    last = exchange.market.last_price(symbol, now)
    limit, stop = (_read(exchange, account, leg, listing, now) for leg in legs)
    _check_room(exchange, limit, 2, 1)
    for leg in (limit, stop):
        _check(leg, listing, last)
    _check_sides(limit, stop, last)
    client_id = params.client_id("listClientOrderId") or random_id()
    orders = OrderList(exchange.next_id(), account.id, symbol, client_id, limit.id, stop.id, now)
    limit.list_id = stop.list_id = orders.id
    exchange.engine.submit_list(orders, (limit, stop), now)
    exchange.commit(now)
    return orders, (limit, stop)


def _check_sides(limit: Order, stop: Order, last: Decimal) -> None:
    """A SELL takes profit above the market and stops below it; a BUY the other way round."""
    below, above = (stop.stop, limit.price) if limit.side == SELL else (limit.price, stop.stop)
    if not below < last < above or limit.client_id == stop.client_id:
        raise ApiError(-2010, "The relationship of the prices for the orders is not correct.")
