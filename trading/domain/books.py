"""Two sides' books of one account, and every way in which they differ: plain values, no database, no network."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from trading.domain.money import text

ZERO = Decimal(0)
FillKey = tuple[str, str]  # (symbol without a slash, trade id): exchanges number trades per symbol
# What an order of ours may still be, or have become, without the exchange ever having had it.
NEVER_ARRIVED = frozenset({"pending", "unknown", "rejected"})


class OrderLine(NamedTuple):
    """An order; amounts in base currency. `status` is in the platform's words."""

    client_id: str
    symbol: str
    side: str
    amount: Decimal
    filled: Decimal
    status: str


class FillLine(NamedTuple):
    """One execution; price and fee in their own currencies, to the last digit."""

    symbol: str
    trade_id: str
    side: str
    price: Decimal
    amount: Decimal
    fee: Decimal
    fee_currency: str


@dataclass(frozen=True, slots=True)
class Books:
    """All orders and fills of an account, and its totals (free and locked) per currency."""

    orders: tuple[OrderLine, ...] = ()
    fills: tuple[FillLine, ...] = ()
    balances: Mapping[str, Decimal] = field(default_factory=dict)


_STATUS = {
    "NEW": "active",
    "PARTIALLY_FILLED": "active",
    "FILLED": "filled",
    "CANCELED": "cancelled",
    "EXPIRED": "expired",
    "EXPIRED_IN_MATCH": "expired",
    "REJECTED": "rejected",
}


def symbol_plain(symbol: str) -> str:
    """`BTC/USDT` as exchanges write it: `BTCUSDT`."""
    return symbol.replace("/", "")


def books_of_exchange(ledger: Mapping[str, Any]) -> Books:
    """The books in the practice exchange's ledger (`GET /practice/admin/ledger`); KeyError when it is none."""
    orders = [
        OrderLine(
            row["clientOrderId"],
            row["symbol"],
            row["side"].lower(),
            Decimal(row["origQty"]),
            Decimal(row["executedQty"]),
            _STATUS.get(row["status"], row["status"]),
        )
        for row in pairs_joined(ledger["orders"])
    ]
    fills = [
        FillLine(
            row["symbol"],
            str(row["id"]),
            "buy" if row["isBuyer"] else "sell",
            Decimal(row["price"]),
            Decimal(row["qty"]),
            Decimal(row["commission"]),
            row["commissionAsset"],
        )
        for row in ledger["fills"]
    ]
    balances = {row["asset"]: Decimal(row["free"]) + Decimal(row["locked"]) for row in ledger["balances"]}
    return Books(tuple(orders), tuple(fills), balances)


def pairs_joined(orders: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Orders in the exchange's words, the two legs of a list as the one order that was placed.

    Legs are called by that order's id and a letter; what either has sold counts.
    """
    lists: dict[Any, list[Mapping[str, Any]]] = {}
    for number, row in enumerate(orders):
        alone = row.get("orderListId", -1) in (-1, "-1")
        lists.setdefault(("order", number) if alone else row["orderListId"], []).append(row)
    return [legs[0] if len(legs) == 1 else _joined(legs) for legs in lists.values()]


def _joined(legs: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    first, sold = legs[0], sum((Decimal(leg["executedQty"]) for leg in legs), ZERO)
    cost = sum((Decimal(leg.get("cummulativeQuoteQty", 0)) for leg in legs), ZERO)
    at_work = any(_STATUS.get(leg["status"]) == "active" for leg in legs)
    status = "FILLED" if sold == Decimal(first["origQty"]) else "NEW" if at_work else "CANCELED"
    name = first["clientOrderId"].rpartition("-")[0]
    sums = {"executedQty": f"{sold:f}", "cummulativeQuoteQty": f"{cost:f}"}
    return {**first, **sums, "clientOrderId": name, "status": status}


def books_differ(ours: Books, theirs: Books) -> list[str]:
    """Every difference in words; empty when each order is there once and all numbers are equal to the last digit."""
    return [
        *_doubled("our side", ours),
        *_doubled("the exchange", theirs),
        *_orders_differ(ours, theirs),
        *_fills_differ(ours, theirs),
        *_balances_differ(ours.balances, theirs.balances),
    ]


def _doubled(side: str, books: Books) -> list[str]:
    orders = Counter(order.client_id for order in books.orders)
    fills = Counter((fill.symbol, fill.trade_id) for fill in books.fills)
    found = [f"order {name}: {count} times on {side}" for name, count in orders.items() if count > 1]
    return found + [f"fill {' '.join(key)}: {count} times on {side}" for key, count in fills.items() if count > 1]


def _orders_differ(ours: Books, theirs: Books) -> Iterable[str]:
    mine, his = ({row.client_id: row for row in side.orders} for side in (ours, theirs))
    for name in sorted(mine.keys() | his.keys()):
        if name not in mine:
            yield f"order {name}: the exchange has {_order_text(his[name])}, we have none"
        elif name not in his:
            if mine[name].status not in NEVER_ARRIVED:
                yield f"order {name}: we have {_order_text(mine[name])}, the exchange has none"
        elif mine[name] != his[name]:
            yield f"order {name}: we have {_order_text(mine[name])}, the exchange {_order_text(his[name])}"


def _order_text(order: OrderLine) -> str:
    return f"{order.side} {text(order.amount)} {order.symbol}, {text(order.filled)} filled, {order.status}"


def _fills_differ(ours: Books, theirs: Books) -> Iterable[str]:
    mine, his = ({(row.symbol, row.trade_id): row for row in side.fills} for side in (ours, theirs))
    for key in sorted(mine.keys() | his.keys()):
        if key not in mine:
            yield f"fill {' '.join(key)}: the exchange has {_fill_text(his[key])}, we have none"
        elif key not in his:
            yield f"fill {' '.join(key)}: we have {_fill_text(mine[key])}, the exchange has none"
        elif mine[key] != his[key]:
            yield f"fill {' '.join(key)}: we have {_fill_text(mine[key])}, the exchange {_fill_text(his[key])}"


def _fill_text(fill: FillLine) -> str:
    numbers = (text(value) for value in (fill.amount, fill.price, fill.fee))
    return "{} {} at {}, fee {} {}".format(fill.side, *numbers, fill.fee_currency)


def _balances_differ(ours: Mapping[str, Decimal], theirs: Mapping[str, Decimal]) -> Iterable[str]:
    for name in sorted(ours.keys() | theirs.keys()):
        mine, his = ours.get(name, ZERO), theirs.get(name, ZERO)
        if mine != his:
            yield f"balance {name}: we have {text(mine)}, the exchange {text(his)}"
