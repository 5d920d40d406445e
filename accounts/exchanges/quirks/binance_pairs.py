"""A stop and a target of which one sells, at Binance: an order list (OCO) of a LIMIT_MAKER and a STOP_LOSS.

To the platform the list is the one order that it placed: each leg goes by our id and a letter, every answer names the
list that an order or trade belongs to, and a leg that begins to sell ends the other. The list counts as two orders.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from accounts.exchanges import pages
from accounts.exchanges.errors import AnswerUnreadable
from accounts.exchanges.quirks.base import StopsApart
from accounts.exchanges.quirks.binance_lists import TRADES

TARGET, STOP = "-t", "-s"  # after our id: the client ids of the two legs
PREFIX = "list-"  # before the list's number: the pair's exchange id, which no order can have
ALONE = "-1"
OPEN, ENDED = "open", "canceled"
KNOWN = (OPEN, "closed", ENDED, "expired", "rejected")
GONE = "OrderNotFound"


async def create(
    client: Any, symbol: str, amount: str, stop_price: str, target_price: str, client_order_id: str
) -> Any:
    """Sell `amount` at the target as maker, or at the market once it has fallen to the stop."""
    answer = await client.privatePostOrderListOco(
        {
            "symbol": client.market(symbol)["id"],
            "side": "SELL",
            "quantity": amount,
            "listClientOrderId": client_order_id,
            "aboveType": "LIMIT_MAKER",
            "abovePrice": target_price,
            "aboveClientOrderId": client_order_id + TARGET,
            "belowType": "STOP_LOSS",
            "belowStopPrice": stop_price,
            "belowClientOrderId": client_order_id + STOP,
            "newOrderRespType": "RESULT",
        }
    )
    reports = answer.get("orderReports") if isinstance(answer, dict) else None
    if not isinstance(reports, list) or len(reports) != 2:
        return answer  # says nothing of what was placed
    return _pair([client.parse_order(report, client.market(symbol)) for report in reports], [])


async def look(client: Any, order_id: str, client_order_id: str, symbol: str) -> Any:
    """One pair with what its legs have sold, or None: by the legs' own ids, else in the lists."""
    names = (client_order_id + TARGET, client_order_id + STOP)
    legs = [leg for name in names if (leg := await _leg(client, name, symbol)) is not None]
    if not legs:
        rows = [*await client.fetch_open_orders(symbol), *await client.fetch_orders(symbol)]
        legs = list({row["id"]: row for row in rows if row.get("clientOrderId") in names}.values())
    trades: list[Any] = []
    for leg in legs:
        if _sold(leg):
            trades += await pages.order_trades(client, TRADES, leg["id"], symbol, {})
    return _pair(legs, trades) if legs else None


async def _leg(client: Any, name: str, symbol: str) -> Any:
    try:
        return await client.fetch_order(None, symbol, {"clientOrderId": name})
    except Exception as error:
        if type(error).__name__ != GONE:  # ccxt's, which is imported late
            raise
        return None


async def open_too(client: Any, symbol: str, rows: list[Any]) -> list[Any]:
    """Legs of one list as one row."""
    lists: dict[str, list[Any]] = {}
    for row in rows:
        lists.setdefault(list_of(row) or f"order {row.get('id')}", []).append(row)
    return [_pair(legs, []) if list_of(legs[0]) else legs[0] for legs in lists.values()]


async def cancel(client: Any, order_id: str, client_order_id: str, symbol: str) -> None:
    """Both legs."""
    number = order_id.removeprefix(PREFIX)
    named = {"orderListId": number} if number else {"listClientOrderId": client_order_id}
    await client.privateDeleteOrderList({"symbol": client.market(symbol)["id"], **named})


async def trades_told(client: Any, symbol: str, rows: list[Any]) -> list[Any]:
    """Sales of legs under the list's id."""
    return [{**row, "order": list_of(row) or row.get("order")} for row in rows]


def list_of(row: Any) -> str:
    """The exchange id of the pair that an order or trade belongs to; empty where it stands alone.

    Raises:
        AnswerUnreadable: it names a list by something that is no number.
    """
    info = row.get("info") if isinstance(row, dict) else None
    number = str(info.get("orderListId", ALONE)) if isinstance(info, dict) else ALONE
    if number == ALONE:
        return ""
    if not number.isdecimal():
        raise AnswerUnreadable("An order or trade does not say to which order list it belongs.")
    return PREFIX + number


def _sold(leg: Any) -> Decimal:
    return Decimal(str(leg.get("filled") or 0))


def _same(legs: Sequence[Any]) -> None:
    """Two legs of one list, each in a state that is known; else nothing can be said of the pair."""
    for name in ("symbol", "side", "amount"):
        if len({str(leg.get(name)) for leg in legs}) > 1:
            raise AnswerUnreadable(f"The legs of an order list do not have the same {name}.")
    if len({list_of(leg) for leg in legs}) > 1:
        raise AnswerUnreadable("The legs of an order list are told to be in different lists.")
    if any(leg.get("status") not in KNOWN or _sold(leg) < 0 for leg in legs):
        raise AnswerUnreadable("The state of a leg of an order list is not known.")


def _pair(legs: Sequence[Any], trades: list[Any]) -> Any:
    """In ccxt's words; open while a leg is, or is not shown yet. Raises AnswerUnreadable."""
    _same(legs)
    first, sold = legs[0], sum((_sold(leg) for leg in legs), Decimal(0))
    amount = Decimal(str(first.get("amount") or 0))
    whole = bool(amount) and sold >= amount
    working = len(legs) < 2 or any(leg.get("status") == OPEN for leg in legs)
    status = "closed" if whole else OPEN if working else ENDED
    ours = str(first.get("clientOrderId") or "").removesuffix(TARGET).removesuffix(STOP)
    own = {"id": list_of(first), "clientOrderId": ours, "status": status, "filled": f"{sold:f}"}
    return {**first, **own, "trades": [{**trade, "order": list_of(first)} for trade in trades]}


PAIRS = StopsApart(look=look, open_too=open_too, cancel=cancel, trades_told=trades_told, expires_s=10.0)
