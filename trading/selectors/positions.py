"""Open positions as the pages show them: value and PnL at the newest price, place between stop and target."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Exists, OuterRef

from accounts.models import ExchangeAccount, User
from signals import quotes
from trading.models import Order, Position

ZERO = Decimal(0)
CENT = Decimal("0.01")
OPEN = (Position.Status.OPENING, Position.Status.OPEN, Position.Status.CLOSING)
OPEN_ORDER = (Order.Status.PENDING, Order.Status.UNKNOWN, Order.Status.ACTIVE)


@dataclass(frozen=True, slots=True)
class OpenRow:
    """One open position. Money in quote currency rounded to cents; prices as they are; None without a price."""

    position: Position
    entry: Decimal | None
    last: Decimal | None
    value: Decimal | None
    pnl: Decimal | None
    share: Decimal | None
    at_stop: Decimal | None
    entry_place: str
    price_place: str
    locked: bool

    @property
    def opened_at(self) -> datetime:
        """When the position was opened."""
        return self.position.opened_at


@dataclass(frozen=True, slots=True)
class OpenTotals:
    """Sums of the rounded rows, so that the column adds up on the page.

    `rest` is what the account holds besides: remainders of closed trades too small to sell. Their cost is booked in
    those trades, so their value is profit still to be taken.
    """

    pnl: Decimal
    value: Decimal
    at_stop: Decimal
    rest: Decimal


def symbols_in_use(exchange: str) -> set[str]:
    """Symbols with an open position or order of anybody: their prices are needed whatever the scan chooses."""
    positions = Position.objects.filter(status__in=OPEN, instrument__exchange=exchange)
    orders = Order.objects.filter(status__in=OPEN_ORDER, instrument__exchange=exchange)
    symbol = "instrument__symbol"
    return {*positions.values_list(symbol, flat=True), *orders.values_list(symbol, flat=True)}


def open_rows(*, user: User, account: ExchangeAccount | None = None, symbol: str = "") -> list[OpenRow]:
    """Open positions of a user (of one account, of one symbol), newest first."""
    rows = Position.objects.filter(bot__user=user, status__in=OPEN).select_related("instrument", "bot", "account")
    if account is not None:
        rows = rows.filter(account=account)
    if symbol:
        rows = rows.filter(instrument__symbol=symbol)
    found = list(rows.annotate(**what_rests()))
    prices = _bids(found)
    return [_row(position, prices.get((position.account.exchange, position.instrument.symbol))) for position in found]


def open_value(user: User) -> Decimal:
    """What all open positions of a user are worth at the newest bids; one without a price counts nothing."""
    rows = Position.objects.filter(bot__user=user, status__in=OPEN).select_related("instrument", "account")
    found = list(rows)
    prices = _bids(found)
    return sum((row.amount * prices.get((row.account.exchange, row.instrument.symbol), ZERO) for row in found), ZERO)


def what_rests() -> dict[str, Exists]:
    """Whether the stop of a position rests at the exchange as an order, and whether its target does with it."""
    stops = Order.objects.filter(position=OuterRef("pk"), type=Order.Type.STOP, status=Order.Status.ACTIVE)
    return {"stop_rests": Exists(stops), "target_rests": Exists(stops.filter(target__isnull=False))}


def open_totals(rows: Iterable[OpenRow], in_positions: Decimal | None = None) -> OpenTotals:
    """Footer of the table; with the value of all coins of the account it covers them all."""
    found = list(rows)
    value = sum((row.value or ZERO for row in found), ZERO)
    priced = in_positions is not None and all(row.value is not None for row in found)
    rest = (in_positions or ZERO).quantize(CENT) - value if priced else ZERO
    rest = rest if rest > CENT * len(found) / 2 else ZERO  # less is what rounding the rows leaves
    return OpenTotals(
        pnl=sum((row.pnl or ZERO for row in found), ZERO) + rest,
        value=value + rest,
        at_stop=sum((row.at_stop or ZERO for row in found), ZERO) + rest,
        rest=rest,
    )


def position_pnl(position: Position, price: Decimal) -> Decimal:
    """What the position has made at a price, after the fees paid so far, in quote currency.

    Fees taken in base currency are missing from `amount` already; the others are `fees_cash`.
    """
    return position.cash_part + position.amount * price


def _bids(positions: Iterable[Position]) -> dict[tuple[str, str], Decimal]:
    exchanges = {position.account.exchange for position in positions}
    return {(name, symbol): row.bid for name in exchanges for symbol, row in quotes.latest_all(name).items()}


def _row(position: Position, last: Decimal | None) -> OpenRow:
    entry = position.buy_cost / position.bought if position.bought else None
    pnl = position_pnl(position, last).quantize(CENT) if last is not None else None
    stop = position.stop_price
    return OpenRow(
        position=position,
        entry=entry,
        last=last,
        value=(position.amount * last).quantize(CENT) if last is not None else None,
        pnl=pnl,
        share=pnl / position.buy_cost if pnl is not None and position.buy_cost else None,
        at_stop=position_pnl(position, stop).quantize(CENT) if stop is not None and position.bought else None,
        entry_place=_place(position, entry),
        price_place=_place(position, last),
        locked=bool(stop is not None and entry is not None and stop > entry),
    )


def _place(position: Position, price: Decimal | None) -> str:
    """Where a price is between stop (0) and target (100), in percent."""
    stop, target = position.stop_price, position.target_price
    if price is None or stop is None or target is None or target <= stop:
        return "0"
    return f"{max(ZERO, min(Decimal(100), (price - stop) / (target - stop) * 100)):.1f}"
