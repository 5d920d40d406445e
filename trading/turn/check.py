"""Comparing an account with its exchange: open orders, its trades since the last time, balances.

Each difference is classed (`trading.domain.findings`). What has exactly one honest explanation is repaired by an event
like any other; what has none pauses the account and says why. Balances are read after what orders and trades told is
accounted (that may send orders, which move balances), so that a difference can be a fill which is not listed yet: one
is booked only when it is still the same `CONFIRM` later. While fills are known to be missing, nothing is compared.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from accounts.clock import now
from accounts.exchanges.errors import AnswerImpossible
from trading.brokers.answers import exact_value, trade_check
from trading.brokers.live import fill_read, fill_seen
from trading.domain.findings import Finding, FindingKind
from trading.domain.money import exact, text
from trading.domain.types import (
    ZERO,
    AccountState,
    CashMoved,
    Event,
    InstrumentSpec,
    OrderState,
    OrderStatus,
    OrderType,
    Side,
)
from trading.runner import Runner
from trading.turn.catch_up import orders_look
from trading.turn.ports import Answer, CheckResult, Exchange, Loaded, Ports

LATE = timedelta(minutes=15)  # fills of orders that closed this recently may still be missing
OVERLAP = timedelta(minutes=1)  # trades are read from so long before the last check
LONGEST = timedelta(days=7)  # what exchanges list of the past
CONFIRM = timedelta(seconds=12)  # a difference of balances is believed when it has not changed for so long
OURS = re.compile(r"[a-z2-7]{26}")  # client order ids as `trading.domain.ids` makes them
UNCLEAR = (OrderStatus.PENDING, OrderStatus.UNKNOWN)


def check_due(ports: Ports, loaded: Loaded) -> bool:
    """Whether an account is compared with its exchange before it trades: once after a start, and when it is wanted.

    An account with nothing to do is not asked about, unless it never was.
    """
    facts, moment = loaded.facts, now()
    if facts.checked_at is None:
        return True
    wanted = [at for at in (ports.started_at, facts.check_wanted_at) if at is not None and at <= moment]
    return (in_play(loaded) or facts.check_asked) and any(at > facts.checked_at for at in wanted)


def in_play(loaded: Loaded) -> bool:
    """Whether there is anything to do for it, or to lose sight of."""
    return bool(loaded.intents or loaded.state.orders or loaded.state.positions or loaded.facts.unconfirmed)


def closed_since(loaded: Loaded, at: datetime) -> datetime:
    """From when on orders that have closed are looked at again."""
    return max((loaded.facts.checked_at or at) - LATE, at - LONGEST)


class Check:
    """One comparison: `told` reads the exchange, `compare` judges once that has been accounted."""

    def __init__(self, ports: Ports, exchange: Exchange, loaded: Loaded, at: datetime) -> None:
        self.ports, self.exchange, self.loaded, self.state = ports, exchange, loaded, loaded.state
        # A ledger that has not begun begins with what the exchange has.
        self.first = loaded.facts.checked_at is None and not loaded.state.balances
        self.at, self.asked_at = at, now()
        self.since = max((loaded.facts.checked_at or at) - OVERLAP, at - LONGEST)
        self.findings: list[Finding] = []
        self.unconfirmed: dict[str, Decimal] = {}
        self.totals: dict[str, Decimal] = {}
        self.listed: dict[str, Decimal] = {}  # what the exchange says is filled of its open orders
        self.done = False

    def run(self, runner: Runner) -> bool:
        """Compare, and account what came of it; whether the account may take entries now.

        Not while an order's fate is unclear: it may move balances, and its trades would look like somebody else's.
        """
        if not self._clear():
            return False
        for event in self.told():
            runner.feed(event)
        if not self._clear() or not self._all_told():
            return False
        self.totals = self.exchange.balances()
        for event in self.compare():
            runner.feed(event)
        self.coins_missing()
        self.done = True
        return not self.pauses

    def _clear(self) -> bool:
        return not any(order.status in UNCLEAR for order in self.state.orders.values())

    @exact
    def _all_told(self) -> bool:
        """Whether every fill that the exchange has let us know of is accounted: an order that is neither listed as
        open with what we have of it nor ended, or one at the market that is not filled, has some whose trades come
        later."""
        at_work = [order for order in self.state.orders.values() if order.status is OrderStatus.ACTIVE]
        return all(
            order.type is not OrderType.MARKET
            and (order.created_at >= self.asked_at or self.listed.get(order.exchange_order_id) == order.filled)
            for order in at_work
        )

    def told(self) -> list[Event]:
        """News of orders, fills and trades by hand; raises ExchangeError when the exchange cannot be asked."""
        symbols = sorted(self.state.instruments)
        events = self._open_orders(self.exchange.orders_open(symbols) if symbols else [])
        for symbol in symbols:
            events += self._trades(symbol)
        return events

    def _open_orders(self, listed: Sequence[Answer]) -> list[Event]:
        """Our resting orders that changed are looked at; orders that rest and are not ours are classed."""
        resting = {o.exchange_order_id: o for o in self.state.orders.values() if o.status is OrderStatus.ACTIVE}
        self.listed = {str(row["id"]): exact_value(row, "filled") for row in listed}
        still = {str(row["id"]) for row in listed if self.listed[str(row["id"])] == _filled(resting, row)}
        changed = [order for name, order in resting.items() if name not in still]
        unclear = {o.client_order_id for o in self.state.orders.values() if o.status in UNCLEAR}
        strange = [
            row for row in listed if str(row["id"]) not in resting and str(row.get("clientOrderId")) not in unclear
        ]
        return orders_look(self.ports, self.state, [*changed, *self._strange(strange)])

    def _strange(self, rows: Sequence[Answer]) -> list[OrderState]:
        """Classes orders that rest and are not open here; returns those that were given up and are there after all."""
        by_id, by_name = self.ports.store.orders_known(
            {str(row["id"]) for row in rows}, {str(row.get("clientOrderId") or "") for row in rows}
        )
        revived: list[OrderState] = []
        for row in rows:
            name = str(row.get("clientOrderId") or "")
            words = f"{row.get('side')} {row.get('amount')} {row.get('symbol')}"
            if str(row["id"]) in by_id or name in by_name:
                if (order := self.state.closed_orders.get(name)) is None:
                    self._find(FindingKind.REVIVED_ORDER, f"The order to {words}, closed long ago, is open there.")
                else:
                    revived.append(order)
            elif OURS.fullmatch(name):
                self._find(
                    FindingKind.STRANGE_ORDER,
                    f"An order to {words} rests under an id like ours that this database does not know: an old copy?",
                )
            else:
                self._find(FindingKind.OUTSIDE_ORDER, f"An order by hand to {words} rests there.")
        return revived

    def _trades(self, symbol: str) -> list[Event]:
        """Trades of our closed orders that are not accounted, and those of orders that are not ours."""
        mine = {o.exchange_order_id: o for o in _orders(self.state) if o.symbol == symbol and o.exchange_order_id}
        closed = [o.created_at for o in self.state.closed_orders.values() if o.symbol == symbol]
        rows = self.exchange.trades_since(symbol, min([self.since, *closed]) - timedelta(seconds=1))
        events: list[Event] = []
        for row in rows:
            order = mine.get(str(row.get("order")))
            if order is None or (symbol, str(row["id"])) in self.state.trade_ids:
                continue
            if self._fits(row, order):
                events.append(fill_seen(order, row))
                self._find(FindingKind.MISSING_FILL, f"A fill of {row.get('amount')} {symbol} was not accounted yet.")
        rows = [row for row in rows if (symbol, str(row["id"])) not in self.state.trade_ids]
        others = {str(row["order"]) for row in rows if row.get("order")} - mine.keys()
        known, _ = self.ports.store.orders_known(others, set()) if others else (set(), set())
        return events + self._by_hand(symbol, [row for row in rows if str(row.get("order")) in others - known])

    def _fits(self, row: Answer, order: OrderState) -> bool:
        try:
            trade_check(row, order.symbol, order, accepted=lambda _fee: True)  # judged when the list was read
            if order.filled + exact_value(row, "amount") <= order.amount:
                return True
            words = "more than was ordered"
        except AnswerImpossible as error:
            words = str(error)
        self._find(
            FindingKind.ODD_TRADE,
            f"Trade {row['id']} of the order to {order.side} {order.amount} {order.symbol} was left out: {words} "
            "Compare it with the exchange's own pages, and resume the account.",
        )
        return False

    def _by_hand(self, symbol: str, rows: Sequence[Answer]) -> list[Event]:
        """Trades of orders that are not ours: from the exchange's own record, each line once."""
        if not rows or self.first:
            return []
        spec = self.state.instruments[symbol]
        moves = [move for row in rows for move in _moves(spec, row)]
        posted = self.ports.store.references_known({move.reference for move in moves})
        fresh = [move for move in moves if move.reference not in posted]
        if fresh:
            self._find(FindingKind.OUTSIDE_TRADE, f"{symbol} was traded by hand; the ledger has taken that over.")
        return [*fresh]

    @exact
    def compare(self) -> list[Event]:
        """What remains between the balances, once all that was told is accounted: booked when it is confirmed."""
        if self.first:
            return [CashMoved(now(), name, total, f"start:{name}") for name, total in sorted(self.totals.items())]
        found = self.differences()
        known, moment = self.loaded.facts.unconfirmed, self.loaded.facts.checked_at
        old = moment is not None and self.asked_at - moment >= CONFIRM
        confirmed = {name: amount for name, amount in found.items() if old and known.get(name) == amount}
        self.unconfirmed = {name: amount for name, amount in found.items() if name not in confirmed}
        if self.unconfirmed:
            self._find(
                FindingKind.UNCONFIRMED, f"The exchange has {_words(self.unconfirmed)} compared with the ledger."
            )
        if confirmed:
            self._find(FindingKind.TRANSFER, f"{_words(confirmed)} came or left by another way and was booked.")
        stamp = self.asked_at.isoformat()
        return [
            CashMoved(self.asked_at, name, amount, f"transfer:{stamp}:{name}") for name, amount in confirmed.items()
        ]

    @exact
    def coins_missing(self) -> None:
        """Coins that positions hold and the account has not: sold or withdrawn by hand."""
        held: dict[str, Decimal] = {}
        lots = {spec.base: spec.lot_size for spec in self.state.instruments.values()}
        for position in self.state.positions.values():
            base = self.state.instruments[position.symbol].base
            held[base] = held.get(base, ZERO) + position.amount
        for name, amount in held.items():
            missing = amount - max(self.state.balances.get(name, ZERO), self.totals.get(name, ZERO), ZERO)
            if missing > lots[name]:  # less is what fees in the coin itself have left short
                self._find(
                    FindingKind.COINS_MISSING,
                    f"The bots' positions hold {text(missing)} {name} more than the account has: bring it back, or "
                    "close the positions (what is gone is written off at what it cost), and resume the account.",
                )

    def differences(self) -> dict[str, Decimal]:
        """What the exchange has more than our ledger, per currency."""
        names = sorted(self.totals.keys() | self.state.balances.keys())
        found = {name: self.totals.get(name, ZERO) - self.state.balances.get(name, ZERO) for name in names}
        return {name: amount for name, amount in found.items() if amount}

    @property
    def pauses(self) -> bool:
        """Whether something was found that nobody but a person can decide."""
        return any(finding.pauses for finding in self.findings)

    def result(self) -> CheckResult:
        """What it came to; looked at again soon while something is not confirmed."""
        again = self.asked_at + CONFIRM if self.unconfirmed else None
        return CheckResult(self.asked_at, self.totals, tuple(self.findings), self.unconfirmed, again)

    def _find(self, kind: FindingKind, words: str) -> None:
        self.findings.append(Finding(kind, words))


def _orders(state: AccountState) -> list[OrderState]:
    return [*state.orders.values(), *state.closed_orders.values()]


def _filled(resting: dict[str, OrderState], row: Answer) -> Decimal | None:
    order = resting.get(str(row["id"]))
    return None if order is None else order.filled


def _moves(spec: InstrumentSpec, row: Answer) -> list[CashMoved]:
    """Both sides and the fee of a trade by hand, as movements of money."""
    side = Side.BUY if row.get("side") == "buy" else Side.SELL
    fill = fill_read("", spec.symbol, side, row)
    sign, name = (1 if side is Side.BUY else -1), f"outside:{spec.symbol}:{fill.trade_id}"
    return [
        CashMoved(fill.at, spec.base, sign * fill.amount, name, "outside"),
        CashMoved(fill.at, spec.quote, -sign * fill.amount * fill.price, f"{name}:quote", "outside"),
        CashMoved(fill.at, fill.fee_currency, -fill.fee, f"{name}:fee", "outside"),
    ]


def _words(amounts: dict[str, Decimal]) -> str:
    return ", ".join(f"{'+' if amount > 0 else ''}{text(amount)} {name}" for name, amount in sorted(amounts.items()))
