"""What the live broker asks of an exchange, as coroutines over an unmodified ccxt client.

Everything raises the platform's own errors (`accounts.exchanges.errors`). ccxt's own retry is off for orders: it has
bought twice after a lost answer.
"""

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any

from accounts.clock import now
from accounts.exchanges import pages
from accounts.exchanges.budget import Purpose, orders, purpose
from accounts.exchanges.errors import AnswerUnreadable, ExchangeNotFound, ExchangeRefused, translated
from accounts.exchanges.factory import account_client, before_sending
from accounts.exchanges.quirks import Quirks, StopsApart, quirks_for
from accounts.fields import decimal_text
from accounts.models import ExchangeAccount
from trading.brokers.answers import number, raw_of, traded
from trading.domain.types import OrderState, OrderType

Answer = dict[str, Any]
Check = Callable[[], Awaitable[None]]


async def client_ready(account: ExchangeAccount) -> Any:
    """The account's client with its markets loaded (once per exchange and process)."""
    client = account_client(account)
    with translated("Loading the markets"):
        await client.load_markets()
    return client


async def order_create(account: ExchangeAccount, order: OrderState, check: Check) -> Answer:
    """Send one order under its client order id; amounts and prices are rounded already.

    `check` is asked when the request's turn has come; what it raises is raised, and nothing was sent.
    """
    client = await client_ready(account)
    before_sending.set(check)
    purpose.set(Purpose.ENTRY if order.purpose.is_entry else Purpose.EXIT)
    with translated("The order"):
        answer = checked(await _created(client, quirks_for(account.exchange), order))
    return {**answer, "trades": _read(client, answer.get("trades") or [])}


async def _created(client: Any, quirks: Quirks, order: OrderState) -> Any:
    amount, price = decimal_text(order.amount), None if order.price is None else decimal_text(order.price)
    if order.type is OrderType.STOP:
        if quirks.stop_create is None or price is None:  # sent as a limit order it would sell at once
            raise ExchangeRefused(f"No stop can rest at {quirks.title}. {quirks.no_stop}")
        if order.target is not None:
            return await _pair_created(client, quirks, order, amount, price)
        return await quirks.stop_create(client, order.symbol, amount, price, order.client_order_id)
    params: dict[str, Any] = {"clientOrderId": order.client_order_id}
    if order.type is OrderType.LIMIT_MAKER:
        params["postOnly"] = True
    kind = "market" if order.type is OrderType.MARKET else "limit"
    return await client.create_order(
        order.symbol, kind, str(order.side), amount, None if kind == "market" else price, params
    )


async def _pair_created(client: Any, quirks: Quirks, order: OrderState, amount: str, price: str) -> Any:
    if quirks.pair_create is None or order.target is None:
        raise ExchangeRefused(f"No stop with a target can rest at {quirks.title}.")
    orders.set(quirks.pair_orders)
    target = decimal_text(order.target)
    return await quirks.pair_create(client, order.symbol, amount, price, target, order.client_order_id)


async def order_cancel(account: ExchangeAccount, order: OrderState) -> None:
    """Ask for an order's cancel, by the exchange's id when it is known."""
    client = await client_ready(account)
    purpose.set(Purpose.URGENT)
    quirks = quirks_for(account.exchange)
    params = {} if order.exchange_order_id else {quirks.client_id_param: order.client_order_id}
    with translated("The cancel"):
        if (apart := _apart(quirks, order)) is not None:
            return await apart.cancel(client, order.exchange_order_id, order.client_order_id, order.symbol)
        await client.cancel_order(order.exchange_order_id or None, order.symbol, params)


async def order_look(account: ExchangeAccount, order: OrderState) -> tuple[Answer, list[Any]]:
    """An order as the exchange has it, with all its trades.

    Raises:
        ExchangeNotFound: every list was read cleanly and it is in none of them.
    """
    client = await client_ready(account)
    purpose.set(Purpose.URGENT)
    found = await _found(client, quirks_for(account.exchange), order)
    trades = _read(client, found.get("trades") or [])
    if number(found.get("filled")) > traded(trades):
        trades = await order_trades(client, str(found["id"]), order)
    return found, trades


def _apart(quirks: Quirks, order: OrderState) -> StopsApart | None:
    if order.type is not OrderType.STOP:
        return None
    return quirks.stops_apart if order.target is None else quirks.pairs_apart


async def _found(client: Any, quirks: Quirks, order: OrderState) -> Answer:
    if (apart := _apart(quirks, order)) is not None:
        with translated("The look-up"):
            found = await apart.look(client, order.exchange_order_id, order.client_order_id, order.symbol)
        if found is None:
            raise ExchangeNotFound("The exchange has no stop with this id, waiting, set off or cancelled.")
        return checked(found)
    for exchange_id in dict.fromkeys((order.exchange_order_id, "")):  # "": by ours, which was never read wrong
        try:
            with translated("The look-up"):
                found = await quirks.order_look(client, exchange_id, order.client_order_id, order.symbol)
                if found is not None:
                    return checked(found)
        except ExchangeRefused:  # not there, or this exchange cannot be asked that way
            pass
    return await _listed(client, quirks, order)


async def _listed(client: Any, quirks: Quirks, order: OrderState) -> Answer:
    since = int(order.created_at.timestamp() * 1000) - 60_000
    with translated("The list of open orders"):
        rows = await pages.orders_open(client, quirks.open_orders, order.symbol)
    for name in ("fetchOrders", "fetchClosedOrders", "fetchCanceledOrders"):
        if client.has.get(name) is True:
            with translated("The list of orders"):
                rows += await getattr(client, _snake(name))(order.symbol, since)
            if name == "fetchOrders":
                break
    for row in [checked(row) for row in rows]:
        if row.get("clientOrderId") == order.client_order_id:
            return checked(row)
    raise ExchangeNotFound("The exchange has no order with this id, open or closed.")


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


async def order_trades(client: Any, exchange_order_id: str, order: OrderState) -> list[Any]:
    """All executions of one order."""
    quirks = quirks_for(client.id)
    if _apart(quirks, order) is not None:
        return _read(client, (await _found(client, quirks, order)).get("trades") or [])
    with translated("The order's trades"):
        return _read(client, await pages.order_trades(client, quirks.trades, exchange_order_id, order.symbol, {}))


def _read(client: Any, trades: Sequence[Any]) -> list[Any]:
    quirks = quirks_for(client.id)
    for trade in trades:
        _fee_told(trade, quirks.fee_field)
    return [quirks.trade_read(trade) for trade in trades]


def _fee_told(trade: Any, name: str) -> None:
    """Raise AnswerUnreadable when it is not said what a trade's fee was, or in which coin: it would be free."""
    raw, fee = trade.get("info") or {}, trade.get("fee") or {}
    if raw.get(name) in (None, "") or (fee.get("cost") is None and str(raw[name]).strip("0.-") != ""):
        raise AnswerUnreadable("A trade does not say what its fee was.", raw=raw_of(trade))


async def trades_since(account: ExchangeAccount, symbol: str, since_ms: int) -> list[Any]:
    """The account's own executions in one symbol from a moment on; none where it is not listed."""
    client = await client_ready(account)
    if symbol not in client.markets:
        return []
    quirks, now_ms = quirks_for(account.exchange), int(now().timestamp() * 1000)
    with translated("The list of trades"):
        rows = _read(client, await pages.trades_since(client, quirks.trades, symbol, since_ms, now_ms))
        for apart in quirks.all_apart:
            rows = await apart.trades_told(client, symbol, rows)
    return rows


async def orders_open(account: ExchangeAccount, symbols: Sequence[str]) -> list[Answer]:
    """What rests at the exchange in these symbols, whoever ordered it.

    A test network lists fewer symbols than the market that signals are made from: nothing rests in the others.
    """
    client = await client_ready(account)
    rows: list[Answer] = []
    for symbol in (name for name in symbols if name in client.markets):
        with translated("The list of open orders"):
            found = await pages.orders_open(client, quirks_for(account.exchange).open_orders, symbol)
            for apart in quirks_for(account.exchange).all_apart:
                found = await apart.open_too(client, symbol, found)
        rows += [checked(row) for row in found]
    return rows


async def balances_read(account: ExchangeAccount) -> dict[str, Decimal]:
    """Total (free and locked) per currency, without zeros."""
    client = await client_ready(account)
    with translated("The balances"):
        answer = await client.fetch_balance()
    totals, mark = answer.get("total"), quirks_for(account.exchange).balance_mark
    if not isinstance(totals, dict) or not isinstance((answer.get("info") or {}).get(mark), list | dict):
        raise AnswerUnreadable("The exchange's answer about balances holds none.", raw=raw_of(answer))
    return {name: number(total) for name, total in totals.items() if total}


def checked(answer: Any) -> Answer:
    """An order with an id, or AnswerUnreadable: an empty 200 says nothing of what happened."""
    if not isinstance(answer, dict) or not answer.get("id"):
        raise AnswerUnreadable("The exchange answered without an order id.", raw=raw_of(answer))
    return answer
