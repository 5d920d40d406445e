"""Numbers in an exchange's answers, to the last digit; and what an answer must hold to be believed at all.

The checks raise `AnswerUnreadable` for what is missing or no number, `AnswerImpossible` for what cannot be: more filled
than ordered, another market's or side's trade, negative amounts. What an exchange may leave out is not asked for.
"""

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from accounts.clock import now
from accounts.exchanges.errors import RAW_LENGTH, AnswerImpossible, AnswerUnreadable
from accounts.scrub import scrub
from trading.domain.money import exact
from trading.domain.odd_answers import TradeFee
from trading.domain.types import OrderState, OrderType, Side

STATUSES = ("open", "closed", "canceled", "canceling", "expired", "rejected")  # ccxt's words
ENDED = ("closed", "canceled", "expired")
ID = re.compile(r"[A-Za-z0-9_.:-]+")
ID_LENGTH, CURRENCY_LENGTH = 64, 16  # what is stored of them
MOST = Decimal(10) ** 24  # more of anything is a mistake
FEE_MOST = Decimal("0.1")  # of a trade: no exchange takes a tenth, unless a person says that it did
REBATE_MOST = Decimal("0.001")  # of a trade, and to its maker only
PRICE_FACTOR = 10  # a fill so far from the price that the order was made at is no price
VALUE_OFF, VALUE_LEAST = Decimal("0.1"), Decimal("0.000001")  # of a value and price times amount: averages are rounded
ROUNDED = Decimal("1.000000001")  # ccxt's floats
FEE_NAMED = ("commissionAsset", "feeCurrency", "feeCcy", "feeToken")  # the exchanges' fields that tell of a fee
FIRST = datetime(2010, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)

Accepted = Callable[[TradeFee], bool]  # whether a person has said that the exchange really took this fee


class FeeImpossible(AnswerImpossible):
    """All that is wrong with a trade is its fee: more than anybody takes, less than the trade is worth."""

    def __init__(self, words: str, fee: TradeFee) -> None:
        super().__init__(words)
        self.fee = fee


def none_accepted(_fee: TradeFee) -> bool:
    """Nobody has accepted any."""
    return False


def number(value: Any) -> Decimal:
    """A Decimal from what ccxt made of a number; zero for nothing."""
    return Decimal(0) if value is None else Decimal(repr(value) if isinstance(value, float) else str(value))


def exact_value(trade: dict[str, Any], name: str) -> Decimal:
    """A trade's price or amount to the last digit.

    ccxt turns the exchange's text into a float; the text of the same value is taken from the raw answer when there.
    """
    return exact_of(trade.get(name), trade.get("info"))


def exact_of(value: Any, raw: Any) -> Decimal:
    """The raw text that a float came from; the float's own shortest text when there is none."""
    if isinstance(value, float) and isinstance(raw, dict):
        for text in raw.values():
            if isinstance(text, str) and _is_number(text) and abs(float(text)) == abs(value):
                return Decimal(text).copy_sign(Decimal(repr(value)))
    return number(value)


@exact
def traded(trades: Sequence[Any]) -> Decimal:
    """Amount of so many executions, in base currency; one that is listed twice counts once."""
    return sum({str(trade["id"]): exact_value(trade, "amount") for trade in trades}.values(), Decimal(0))


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except ArithmeticError:
        return False


def raw_of(answer: Any) -> str:
    """What the exchange said, as ccxt keeps it beside its own words: without secrets, and no longer than is kept."""
    return scrub(json.dumps(_info(answer), default=str))[:RAW_LENGTH]


def _info(answer: Any) -> Any:
    if isinstance(answer, dict):
        return answer.get("info", answer)
    return [_info(one) for one in answer] if isinstance(answer, list | tuple) else answer


def order_check(answer: Any, order: OrderState, accepted: Accepted = none_accepted) -> None:
    """What the exchange says of one of our orders. Raises AnswerUnreadable, AnswerImpossible."""
    _listed_order(answer)
    _same("market", answer.get("symbol"), order.symbol)
    _same("side", answer.get("side"), str(order.side))
    _same("order id of ours", answer.get("clientOrderId"), order.client_order_id)
    _same("order id", answer["id"], order.exchange_order_id or None)
    filled = _amount(answer, "filled")
    if filled is None and answer.get("status") in ENDED:
        raise AnswerUnreadable(f"An order is {answer['status']}, and it does not say how much of it was filled.")
    if filled is not None and filled > order.amount * ROUNDED:
        raise AnswerImpossible(f"More was filled ({filled}) than ordered ({order.amount}).")
    trades_check(answer.get("trades") or [], order.symbol, order, accepted)
    order_value_check(answer, answer.get("trades") or [])


def orders_check(rows: Any, symbols: Sequence[str]) -> None:
    """A list of orders, whoever made them. Raises as `order_check`."""
    for row in _rows(rows):
        _listed_order(row)
        if row.get("symbol") not in symbols:
            raise AnswerImpossible(f"An order of {row.get('symbol')!r} is listed, which was not asked about.")


@exact
def trades_check(rows: Any, symbol: str, order: OrderState | None = None, accepted: Accepted = none_accepted) -> None:
    """Trades of one market; those of one of our orders must also fit it. Raises as `order_check`."""
    seen: dict[str, tuple[Any, Any]] = {}
    for row in _rows(rows):
        trade_check(row, symbol, order, accepted)
        same = (row["price"], row["amount"])
        if seen.setdefault(str(row["id"]), same) != same:
            raise AnswerImpossible("Two different trades have the same id.")
    total = sum((number(amount) for _, amount in seen.values()), Decimal(0))
    if order is not None and total > order.amount * ROUNDED:
        raise AnswerImpossible(f"The trades of an order come to {total}, more than was ordered ({order.amount}).")


@exact
def trade_check(row: Any, symbol: str, order: OrderState | None = None, accepted: Accepted = none_accepted) -> None:
    """One trade. Raises as `order_check`, and FeeImpossible, last, for a fee that is not `accepted`."""
    if not isinstance(row, dict):
        raise AnswerUnreadable("A trade is no record.")
    _id(row, "trade")
    _same("market", row.get("symbol"), symbol)
    price, amount = _above_zero(row, "price"), _above_zero(row, "amount")
    if row.get("side") not in (None, "buy", "sell") or (order is None and row.get("side") is None):
        raise AnswerUnreadable(f"A trade's side is {_short(row.get('side'))}.")
    _time(row.get("timestamp"))
    _worth("A trade", _amount(row, "cost"), price * amount)
    odd = _fee(row, symbol, price, amount)
    if order is not None:
        _of_order(row, order, price)
    if odd is not None and not accepted(odd):
        words = f"A fee of {row['fee']['cost']} {odd.currency} is out of all proportion to its trade."
        raise FeeImpossible(words, odd)


@exact
def order_value_check(answer: Any, trades: Sequence[Any]) -> None:
    """An order's average price is that of its trades, once all of them are told. Raises AnswerImpossible."""
    average, filled = _amount(answer, "average"), _amount(answer, "filled")
    if average and filled and traded(trades) == filled:
        values = {str(row["id"]): exact_value(row, "price") * exact_value(row, "amount") for row in trades}
        _worth("An order", average * filled, sum(values.values(), Decimal(0)))


def balances_check(totals: Any) -> None:
    """Totals by currency. Raises as `order_check`."""
    if not isinstance(totals, dict):
        raise AnswerUnreadable("The balances are no record.")
    for name, total in totals.items():
        if not _name(name):
            raise AnswerUnreadable(f"A currency is called {_short(name)}.")
        if total < 0 or not total.is_finite() or total > MOST:
            raise AnswerImpossible(f"The account has {total} {name}.")


def _listed_order(row: Any) -> None:
    if not isinstance(row, dict):
        raise AnswerUnreadable("An order is no record.")
    _id(row, "order")
    if row.get("status") is not None and row["status"] not in STATUSES:
        raise AnswerUnreadable(f"An order's status is {_short(row['status'])}, which nobody knows.")
    for name in ("amount", "filled", "cost"):
        _amount(row, name)


def _rows(rows: Any) -> list[Any]:
    if not isinstance(rows, list | tuple):
        raise AnswerUnreadable("What should be a list is none.")
    return list(rows)


def _of_order(row: dict[str, Any], order: OrderState, price: Decimal) -> None:
    _same("side", row.get("side"), str(order.side))
    if order.exchange_order_id and row.get("order") is not None:
        _same("order id", str(row["order"]), order.exchange_order_id)
    sign = 1 if order.side is Side.BUY else -1
    limit = None if order.type is OrderType.STOP else order.price  # a stop sells at the market, below its price
    if limit is not None and sign * price > sign * limit * (ROUNDED if sign > 0 else 1 / ROUNDED):
        raise AnswerImpossible(f"A trade's price ({price}) is worse than the order's ({order.price}).")
    near = order.reference_price
    if near and not near / PRICE_FACTOR < price < near * PRICE_FACTOR:
        raise AnswerImpossible(f"A trade's price ({price}) is far from the market's when it was ordered ({near}).")


def _fee(row: dict[str, Any], symbol: str, price: Decimal, amount: Decimal) -> TradeFee | None:
    """The trade when its fee is more than anybody takes, and could be taken."""
    fee, raw = row.get("fee") or {}, row.get("info")
    if not isinstance(fee, dict):
        raise AnswerUnreadable("A trade's fee is no record.")
    cost, currency = fee.get("cost"), fee.get("currency")
    if cost is None and currency is None:
        if isinstance(raw, dict) and any(raw.get(name) for name in FEE_NAMED):
            raise AnswerUnreadable("A trade tells in which coin its fee was, and not how much.")
        return None
    if isinstance(raw, dict) and any(not isinstance(raw.get(name), str | None) for name in FEE_NAMED):
        raise AnswerUnreadable("The coin of a trade's fee is no name.")
    if not _name(currency) and _finite(cost, "fee"):
        raise AnswerUnreadable(f"A fee's currency is {_short(currency)}.")
    base, _, quote = symbol.partition("/")
    whole, paid = {base: amount, quote: price * amount}.get(str(currency), MOST), _finite(cost, "fee")
    if not -REBATE_MOST * whole <= paid < whole or (paid < 0 and row.get("takerOrMaker") == "taker"):
        raise AnswerImpossible(f"A fee of {cost} {currency} is out of all proportion to its trade.")
    if paid <= FEE_MOST * whole:
        return None
    numbers = exact_value(row, "price"), exact_value(row, "amount"), exact_of(cost, raw)
    return TradeFee(symbol, str(row["id"]), str(row.get("side") or ""), *numbers, str(currency))


def _worth(what: str, told: Decimal | None, found: Decimal) -> None:
    if told and abs(told - found) > VALUE_OFF * max(told, found) + VALUE_LEAST:
        raise AnswerImpossible(f"{what} is worth {told}, and price times amount {found}.")


def _time(stamp: Any) -> None:
    if stamp is None:
        return
    try:
        at = datetime.fromtimestamp(int(stamp) / 1000, UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        raise AnswerUnreadable(f"A trade's time is {_short(stamp)}.") from None
    if not FIRST < at < now() + AHEAD:
        raise AnswerImpossible(f"A trade's time is {at:%Y-%m-%d %H:%M}.")


def _same(what: str, said: Any, ours: Any) -> None:
    if said is not None and ours is not None and str(said) != str(ours):
        raise AnswerImpossible(f"The {what} is {_short(said)}; asked was about {ours}.")


def _id(row: dict[str, Any], what: str) -> None:
    found = row.get("id")
    if isinstance(found, bool) or not isinstance(found, str | int) or not 0 < len(str(found)) <= ID_LENGTH:
        raise AnswerUnreadable(f"There is no usable {what} id in it.")
    if not ID.fullmatch(str(found)):
        raise AnswerUnreadable("An id holds what is in no id: a piece of a broken answer.")


def _name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= CURRENCY_LENGTH and value.isprintable()


def _above_zero(row: dict[str, Any], name: str) -> Decimal:
    found = _amount(row, name)
    if found is None:
        raise AnswerUnreadable(f"A trade has no {name}.")
    if found == 0:
        raise AnswerImpossible(f"A trade's {name} is zero.")
    return found


def _amount(row: dict[str, Any], name: str) -> Decimal | None:
    if row.get(name) is None:
        return None
    found = _finite(row[name], name)
    if found < 0:
        raise AnswerImpossible(f"The {name} is {found}.")
    return found


def _finite(value: Any, name: str) -> Decimal:
    try:
        found = None if isinstance(value, bool | None) else number(value)
    except ArithmeticError:
        found = None
    if found is None or not found.is_finite():
        raise AnswerUnreadable(f"The {name} is {_short(value)}, no number.")
    if abs(found) > MOST:
        raise AnswerImpossible(f"The {name} is {_short(value)}.")
    return found


def _short(value: Any) -> str:
    return ascii(value)[:40]
