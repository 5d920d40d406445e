"""Which strategy has paid best in a regime: trades by regime at entry, and a mean that few trades cannot win with."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

SHRINK = 30.0  # trades at 0 that every mean is mixed with
LEAST = 30  # trades below which nothing is recommended
BACKTEST_WEIGHT = 0.25  # a simulated trade counts a quarter of one that was made


@dataclass(frozen=True, slots=True)
class Tally:
    """Trades of one strategy that were entered in one regime: number and mean net return (a fraction)."""

    strategy: int
    trades: int
    mean: float
    backtest: bool


@dataclass(frozen=True, slots=True)
class Best:
    """A strategy with what it rests on: all trades, their mean, and the shrunken mean that it was chosen by."""

    strategy: int
    trades: int
    mean: float
    shrunk: float


def best_of(tallies: Iterable[Tally]) -> tuple[Best | None, str]:
    """The strategy with the largest shrunken mean in one regime, or None, and in words why none.

    Shrunken mean = sum of returns / (number + SHRINK), a backtest's trades weighted BACKTEST_WEIGHT in both; it must be
    above 0, and the strategy must have at least LEAST trades of both kinds together. Of equals the smaller id wins.
    """
    by_strategy: dict[int, list[Tally]] = {}
    for tally in tallies:
        if tally.trades > 0 and math.isfinite(tally.mean):
            by_strategy.setdefault(tally.strategy, []).append(tally)
    found = [_together(strategy, group) for strategy, group in sorted(by_strategy.items())]
    enough = [one for one in found if one.trades >= LEAST]
    if not enough:
        most = max((one.trades for one in found), default=0)
        return None, f"Too few trades: at most {most} of a strategy, {LEAST} are needed."
    best = max(enough, key=lambda one: one.shrunk)
    if best.shrunk <= 0.0:
        return None, f"None of {len(enough)} strategies has paid in this regime."
    return best, ""


def _together(strategy: int, group: list[Tally]) -> Best:
    weights = [BACKTEST_WEIGHT if one.backtest else 1.0 for one in group]
    weighed = sum(weight * one.trades for weight, one in zip(weights, group, strict=True))
    total = sum(weight * one.trades * one.mean for weight, one in zip(weights, group, strict=True))
    trades = sum(one.trades for one in group)
    mean = sum(one.trades * one.mean for one in group) / trades
    return Best(strategy, trades, mean, total / (weighed + SHRINK))


def trades_of(
    side: np.ndarray, opens: np.ndarray, regime: np.ndarray, fee: float
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Trades of one symbol: (int8 regime at the entry's signal, float64 net return), one after another.

    side int8, opens and regime (time,). A buy while out enters at the open of the next candle, the next sell leaves at
    the open of the candle after it; `fee` (a fraction) is paid on both. Where that open is missing or not above 0,
    nothing is entered, and a sale waits for the next one. A trade that is open at the end is left out.
    """
    coming = _coming(np.isfinite(opens) & (opens > 0.0))
    regimes: list[int] = []
    returns: list[float] = []
    entry, at_regime, free = 0.0, 0, 0
    for at in np.flatnonzero(side).tolist():
        place = int(coming[at])
        if at < free or place == opens.size:
            continue
        if entry and side[at] < 0:
            regimes.append(at_regime)
            returns.append(float(opens[place]) / entry * (1.0 - fee) ** 2 - 1.0)
            entry, free = 0.0, place
        elif not entry and side[at] > 0 and place == at + 1:
            entry, at_regime = float(opens[place]), int(regime[at])
    return np.array(regimes, np.int8), np.array(returns, np.float64)


def _coming(usable: np.ndarray) -> np.ndarray:
    """For every column the next usable one after it, the number of columns where there is none; int64 (time,)."""
    places = np.where(usable, np.arange(usable.size), usable.size)
    ahead = np.append(places[1:], usable.size)
    return np.minimum.accumulate(ahead[::-1])[::-1]
