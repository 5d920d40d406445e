"""A backtest over candles: the engine and the paper broker of trading, fed only with candles where something happens.

Which candle is next is found with array code: one with a signal, one whose range reaches a stop or a target, one in
which a holding time ends, and every one while an order is open. All others could change nothing (a property of the
engine that has its test), so leaving them out gives the same trades; `every_candle=True` feeds them all.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid5

import numpy as np

from signals.candles.matrix import CandleMatrix
from signals.domain.strategies.base import Decisions
from signals.domain.timeframes import open_time
from trading.backtest.data import timeframe_ms_of
from trading.backtest.quotes import Candle, MarketModel, quotes_of
from trading.backtest.results import Results
from trading.brokers.paper import PaperBroker
from trading.domain.floors import cash_part, floors
from trading.domain.ledger import free
from trading.domain.money import exact, money
from trading.domain.types import (
    AccountState,
    BotChanged,
    CashMoved,
    ClockMark,
    InstrumentSeen,
    InstrumentSpec,
    IntentTaken,
    Plan,
    PositionState,
    Purpose,
    Quote,
    QuoteSeen,
    Side,
)
from trading.runner import Runner

NAMESPACE = UUID("6f2b8f34-3c1a-5b0e-9d57-5d4f1f0c7a11")
DAY_MS = 86_400_000
SLACK = 1e-9  # floats only pick candles; the engine compares exactly


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days


@dataclass(frozen=True, slots=True)
class Setup:
    """What a backtest runs with."""

    matrix: CandleMatrix
    decisions: Decisions  # of the same shape: what a strategy says at each candle's close
    specs: tuple[InstrumentSpec, ...]  # one a symbol
    plan: Plan
    balance: Decimal = Decimal(1000)
    quote_currency: str = "USDT"
    market: MarketModel = field(default_factory=MarketModel)
    every_candle: bool = False
    all_in: bool = False  # each entry takes all that is free, instead of the plan's capital


@dataclass(frozen=True, slots=True)
class Finished:
    """The state at the end, and all that came up; `candles` is how many were fed to the engine."""

    state: AccountState
    results: Results
    candles: int


def backtest_run(setup: Setup) -> Finished:
    """Run it from the first candle to the last. Raises `data.DataError` for fewer than two candles."""
    return _Backtest(setup).run()


class _Backtest:
    def __init__(self, setup: Setup) -> None:
        self.setup, self.matrix = setup, setup.matrix
        self.times = setup.matrix.open_time_ms
        self.step_ms = timeframe_ms_of(setup.matrix)
        self.timeframe = timedelta(milliseconds=self.step_ms)
        self.rows = {spec.symbol: row for row, spec in enumerate(setup.specs)}
        self.bot_id = uuid5(NAMESPACE, "bot")
        account = uuid5(NAMESPACE, "account")
        self.results = Results()
        self.state = AccountState(account, "backtest", setup.quote_currency)
        self.runner = Runner(self.state, PaperBroker({}, {}), self.results)
        self.signal_columns = np.nonzero((setup.decisions.side != 0).any(axis=0))[0]
        self.fed = 0

    def run(self) -> Finished:
        begin = open_time(int(self.times[0]))
        self.runner.feed(CashMoved(begin, self.setup.quote_currency, self.setup.balance, "start"))
        for spec in self.setup.specs:
            self.runner.feed(InstrumentSeen(begin, spec))
        self.runner.feed(BotChanged(begin, self.bot_id, self.setup.plan, True, 0))
        column: int | None = 0
        while column is not None:
            self._candle(column)
            column = self._next(column)
        self._last_quotes()
        return Finished(self.state, self.results, self.fed)

    def _candle(self, column: int) -> None:
        """Four quotes of every symbol in play, signals after their latency, and a mark at each quote's time."""
        self.fed += 1
        intents = self._intents(column)
        symbols = {p.symbol for p in self.state.positions.values()} | {intent.symbol for intent in intents}
        paths = [quotes for symbol in sorted(symbols) if (quotes := self._quotes(self.rows[symbol], column))]
        for number in range(4):
            at = open_time(int(self.times[column])) + self.timeframe * number / 4
            until = at + self.timeframe / 4
            for quotes in paths:
                self.runner.feed(QuoteSeen(at, quotes[number]))
            for intent in [i for i in intents if i.at < until]:
                intents.remove(intent)
                self.runner.feed(intent)
            self.runner.feed(ClockMark(at))

    def _intents(self, column: int) -> list[IntentTaken]:
        """Signals of the candle before, surest first, then by symbol; a sell only where something is held."""
        if column == 0 or self.times[column] - self.times[column - 1] != self.step_ms:
            return []
        side, confidence = self.setup.decisions.side[:, column - 1], self.setup.decisions.confidence[:, column - 1]
        at = open_time(int(self.times[column])) + min(self.setup.market.latency, self.timeframe * 0.999)
        held = {position.symbol for position in self.state.positions.values()}
        found = [
            self._intent(row, column, at, bool(side[row] > 0), float(confidence[row]))
            for row in np.nonzero(side)[0].tolist()
            if side[row] > 0 or self.setup.specs[row].symbol in held
        ]
        return sorted(found, key=lambda i: (i.purpose.is_entry, -i.confidence, i.symbol))

    def _intent(self, row: int, column: int, at: datetime, buy: bool, confidence: float) -> IntentTaken:
        symbol = self.setup.specs[row].symbol
        purpose = Purpose.ENTRY if buy else Purpose.EXIT
        intent_id = uuid5(NAMESPACE, f"{symbol}:{int(self.times[column])}:{purpose}")
        side = Side.BUY if buy else Side.SELL
        amount = self._all_free(row) if buy and self.setup.all_in else None
        return IntentTaken(at, intent_id, self.bot_id, symbol, side, purpose, money(confidence), amount)

    @exact
    def _all_free(self, row: int) -> Decimal:
        """What is free, less room for the taker fee."""
        return free(self.state, self.setup.quote_currency) / (1 + self.setup.specs[row].taker_fee)

    def _quotes(self, row: int, column: int) -> list[Quote]:
        values = [float(getattr(self.matrix, name)[row, column]) for name in ("open", "high", "low", "close", "volume")]
        if not np.isfinite(values).all() or min(values[:4]) <= 0:
            return []
        opened = open_time(int(self.times[column]))
        return quotes_of(Candle(*values), self.setup.specs[row], opened, self.timeframe, self.setup.market)

    def _next(self, column: int) -> int | None:
        """The next candle that could change anything, or None at the end."""
        after = column + 1
        if after >= self.times.size:
            return None
        if self.setup.every_candle or self.state.orders:
            return after
        found = [self._signal_after(after), *(self._touch_after(p, after) for p in self.state.positions.values())]
        found += [self._floor_after(after), self._day_after(after)] if self.state.positions else []
        return min((candle for candle in found if candle is not None), default=None)

    def _signal_after(self, after: int) -> int | None:
        """The candle after the next one with a signal (signals of a candle act in the one that follows)."""
        index = int(np.searchsorted(self.signal_columns, after - 1))
        if index == self.signal_columns.size or self.signal_columns[index] + 1 >= self.times.size:
            return None
        return int(self.signal_columns[index]) + 1

    def _touch_after(self, position: PositionState, after: int) -> int | None:
        """The first candle from `after` on that reaches a level of the position or the end of its holding time."""
        if position.exit_intent_id is not None or position.stop_price is None or position.target_price is None:
            return after
        row, spec, half = self.rows[position.symbol], self.setup.specs[self.rows[position.symbol]], self._half()
        above = [position.target_price, position.raise_price, position.step_price]
        stop, over = float(position.stop_price), float(min(price for price in above if price is not None))
        last = self._hold_column(position, after)
        span = slice(after, last)
        low, high = self.matrix.low[row, span] * (1 - half), self.matrix.high[row, span] * (1 - half)
        reached = (low - float(spec.tick_size) <= stop * (1 + SLACK)) | (high >= over * (1 - SLACK))
        if position.add_price is not None:
            reached |= self.matrix.low[row, span] * (1 + half) <= float(position.add_price) * (1 + SLACK)
        hits = np.nonzero(reached)[0]
        if hits.size:
            return after + int(hits[0])
        return last if last < self.times.size else None

    def _floor_after(self, after: int) -> int | None:
        """The first candle in which all positions at their lows would be worth what a running rule stops at."""
        known = floors(self.state, open_time(int(self.times[after])))
        held = list(self.state.positions.values())
        if not known or any(position.amount and position.stop_price is None for position in held):
            return after if known else None
        worth = np.full(self.times.size - after, float(cash_part(held)))
        for position in held:
            low = self.matrix.low[self.rows[position.symbol], after:] * (1 - self._half())
            tick = float(self.setup.specs[self.rows[position.symbol]].tick_size)
            worth += float(position.amount) * np.nan_to_num(low - tick, nan=0.0)
        floor = float(max(known.values()))
        hits = np.nonzero(worth <= floor + abs(floor) * SLACK + SLACK)[0]
        return after + int(hits[0]) if hits.size else None

    def _day_after(self, after: int) -> int | None:
        """The first candle of the next UTC day, where a limit is on the day's loss."""
        day = self.state.risk.day
        if self.setup.plan.limits.daily_loss >= 1 or day is None:
            return None
        column = int(np.searchsorted(self.times, (day_number(day) + 1) * DAY_MS))
        return max(column, after) if column < self.times.size else None

    def _hold_column(self, position: PositionState, after: int) -> int:
        if position.hold_until is None:
            return after
        until_ms = int(position.hold_until.timestamp() * 1000)
        return max(int(np.searchsorted(self.times, until_ms, side="right")) - 1, after)

    def _half(self) -> float:
        return float(self.setup.market.spread) / 2

    def _last_quotes(self) -> None:
        """The last quotes of what is still held, so that the account can be valued."""
        for event in self._closing_quotes():
            self.state.quotes[event.quote.symbol] = event.quote

    def _closing_quotes(self) -> Iterator[QuoteSeen]:
        for position in self.state.positions.values():
            row = self.rows[position.symbol]
            present = np.nonzero(np.isfinite(self.matrix.close[row]))[0]
            quotes = self._quotes(row, int(present[-1])) if present.size else []
            if quotes:
                yield QuoteSeen(quotes[3].at, quotes[3])
