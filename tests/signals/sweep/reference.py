"""The rules of `signals.sweep.rules` candle by candle in plain Python: slow, exact averages, nothing shared."""

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from signals.sweep.rules import Rules


@dataclass
class Account:
    rules: Rules
    cash: float = 0.0
    units: float = 0.0
    paid: float = 0.0
    trades: int = 0
    marks: list[float] = field(default_factory=list)

    def buy(self, price):
        self.paid = price * (1 + self.rules.slippage)
        self.units = self.cash / (self.paid * (1 + self.rules.fee))
        self.cash = 0.0

    def sell(self, price):
        self.cash = self.units * price * (1 - self.rules.slippage) * (1 - self.rules.fee)
        self.units = 0.0
        self.trades += 1

    def act(self, side, price):
        if side > 0 and not self.units:
            self.buy(price)
        if side < 0 and self.units:
            self.sell(price)

    def watch(self, opened, high, low):
        if not self.units:
            return
        stop = self.paid * (1 - self.rules.stop) if self.rules.stop else None
        take = self.paid * (1 + self.rules.take) if self.rules.take else None
        if stop is not None and low <= stop:
            self.sell(min(opened, stop))
        elif take is not None and high >= take:
            self.sell(max(opened, take))


def simulate(candles, side, rules):
    """candles: (open, high, low, close) rows; side: 1, -1, 0 a candle. (equity, drawdown, trades, open)."""
    account = Account(rules, rules.balance)
    account.marks.append(rules.balance)
    pending = 0
    for (opened, high, low, close), said in zip(candles, side, strict=True):
        if rules.fill == "next_open":
            account.act(pending, opened)
            account.watch(opened, high, low)
            pending = said
        else:
            account.watch(opened, high, low)
            account.act(said, close)
        account.marks.append(account.cash + account.units * close)
    return account.marks[-1], drawdown(account.marks), account.trades, account.units > 0


def drawdown(marks):
    peak, worst = marks[0], 0.0
    for mark in marks:
        peak = max(peak, mark)
        worst = max(worst, 1 - mark / peak)
    return worst


def ma_cross_side(close, fast, slow, decimals=None):
    """Crosses of exact averages; closes are decimals with so many places, or what their floats are exactly."""
    exact = [Fraction(f"{c:.{decimals}f}") if decimals is not None else Fraction(float(c)) for c in close]
    side, before = [0] * len(exact), None
    for t in range(max(fast, slow) - 1, len(exact)):
        above = sum(exact[t + 1 - fast : t + 1]) * slow > sum(exact[t + 1 - slow : t + 1]) * fast
        if before is not None and above != before:
            side[t] = 1 if above else -1
        before = above
    return np.array(side, np.int8)
