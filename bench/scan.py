"""The scan against a loop of TA-Lib calls that computes the same 11 columns: whole series, masks only, one candle."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from bench.timing import best_s, copy_bandwidth, figure
from signals.candles.matrix import FIELDS, CandleMatrix
from signals.domain.indicators import Indicator

ELEVEN = (
    Indicator("sma", (20,)),
    Indicator("ema", (12,)),
    Indicator("ema", (26,)),
    Indicator("rsi", (14,)),
    Indicator("macd", (12, 26, 9)),
    Indicator("bb", (20, 2)),
    Indicator("atr", (14,)),
)
MINUTE_MS = 60_000
INCREMENTS = 200


def matrix_make(symbols: int, length: int) -> CandleMatrix:
    """Random walks with candles around them."""
    rng = np.random.default_rng(7)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.002, (symbols, length)), axis=1))
    opens = np.concatenate((close[:, :1], close[:, :-1]), axis=1)
    high, low = np.maximum(opens, close) * 1.001, np.minimum(opens, close) * 0.999
    names = tuple(f"S{number}/USDT" for number in range(symbols))
    times = np.arange(length, dtype=np.int64) * MINUTE_MS
    return CandleMatrix(names, times, opens, high, low, close, rng.random((symbols, length)))


def talib_loop(matrix: CandleMatrix) -> Callable[[], None]:
    """The same columns, symbol by symbol, on contiguous series."""
    import talib

    lanes = [tuple(np.ascontiguousarray(getattr(matrix, name)[row]) for name in ("high", "low", "close"))
             for row in range(len(matrix.symbols))]  # fmt: skip

    def loop() -> None:
        for high, low, close in lanes:
            talib.SMA(close, 20)
            talib.EMA(close, 12)
            talib.EMA(close, 26)
            talib.RSI(close, 14)
            talib.MACD(close, 12, 26, 9)
            talib.BBANDS(close, 20, 2, 2)
            talib.ATR(high, low, close, 14)

    return loop


@contextmanager
def one_core() -> Iterator[None]:
    """Measure on one core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def run() -> None:
    """All figures of the scan."""
    for symbols, length, threads, bar in ((100, 1000, 1, 6.0), (500, 5000, 1, 2.0), (500, 5000, 2, 3.5)):
        _full(symbols, length, threads, bar)
    _masks("signals only", [eleven_rules()], 500, 5000, 2, 10.0)
    _masks("signals only, four strategies", named_strategies(), 500, 5000, 2, None)
    for symbols, length, bar in ((100, 1000, 2000.0), (500, 5000, 8000.0)):
        _incremental(symbols, length, bar)


def _full(symbols: int, length: int, threads: int, bar: float) -> None:
    from signals.scan.panel import Panel
    from signals.scan.pass_cpu import columns_compute
    from signals.scan.plan import Plan

    matrix, plan = matrix_make(symbols, length), Plan.of(ELEVEN)
    panel = Panel.of(matrix)
    out = columns_compute(panel, plan)
    with one_core():
        theirs = best_s(talib_loop(matrix))
        filled = best_s(lambda: out.fill(0.0))
    ours = best_s(lambda: columns_compute(panel, plan, out=out, threads=threads))
    packed = best_s(lambda: Panel.of(matrix), repeats=3)
    _say(
        "full scan, 11 arrays", ours, theirs, bar, symbols, length, threads=threads, layout_ms=packed * 1e3,
        one_core_fills_arrays_ms=filled * 1e3,
    )  # fmt: skip


def _masks(name: str, rules: list[Any], symbols: int, length: int, threads: int, bar: float | None) -> None:
    from signals.scan.decisions import DecisionPlan, masks_compute
    from signals.scan.panel import Panel

    matrix, decisions = matrix_make(symbols, length), DecisionPlan.of(rules)
    panel = Panel.of(matrix)
    with one_core():
        theirs = best_s(talib_loop(matrix))
    ours = best_s(lambda: masks_compute(panel, decisions, threads=threads))
    read = 8 * len({one for need in decisions.plan.indicators for one in _inputs(need)}) * symbols * length
    written = 2 * 2 * len(decisions.formulas) * symbols * length / 16
    share = (read + written) / ours / copy_bandwidth(threads)
    _say(
        name, ours, theirs, bar, symbols, length, threads=threads,
        strategies=len(decisions.formulas), columns=len(decisions.plan.columns), copy_bandwidth_share=share,
    )  # fmt: skip


def _incremental(symbols: int, length: int, bar: float) -> None:
    from signals.scan.decisions import DecisionPlan
    from signals.scan.live import LiveLanes

    matrix = matrix_make(symbols, length)
    lanes = LiveLanes(matrix.symbols, DecisionPlan.of([eleven_rules()], MINUTE_MS), MINUTE_MS)
    lanes.rebuild(matrix)
    boxes = []
    for column in range(INCREMENTS):
        lanes.put(np.stack([getattr(matrix, name)[:, column] for name in FIELDS]))
        boxes.append(lanes.inbox.copy())

    def pushes() -> None:
        for box in boxes:
            lanes.inbox[:] = box
            lanes.push(lanes.last_ms + MINUTE_MS)

    def copies() -> None:
        for box in boxes:
            lanes.inbox[:] = box

    with one_core():
        theirs = best_s(talib_loop(matrix))
        ours = (best_s(pushes) - best_s(copies)) / INCREMENTS
    _say(
        "one candle, all outputs and signals", ours, theirs, bar, symbols, length,
        columns=len(lanes.decisions.plan.columns), ns_per_lane=ours / symbols * 1e9, us=ours * 1e6,
    )  # fmt: skip


def eleven_rules() -> Any:
    """A strategy that reads all eleven columns: crosses of averages and of MACD, breaks of the bands, RSI's levels."""
    from signals.domain.strategies.base import Decisions, Strategy, crossed_above
    from signals.scan.decisions import Rule

    class Eleven(Strategy):
        kind, name, title, parameters = "eleven", "Eleven", "All eleven columns", ()

        def indicators(self, values: Any) -> tuple[Indicator, ...]:
            return ELEVEN

        def decide(self, lanes: Any, values: Any) -> Decisions:
            columns = [[lanes[name] for name in one.columns] for one in ELEVEN]
            (sma,), (fast,), (slow,), (rsi,), (macd, smooth, hist), (upper, middle, lower), (atr,) = columns
            calm = np.abs(lanes.close - sma) < 3.0 * atr
            buy = crossed_above(fast, slow) | crossed_above(macd, smooth) | crossed_above(lanes.close, upper)
            sell = crossed_above(slow, fast) | crossed_above(smooth, macd) | crossed_above(lower, lanes.close)
            buy = (buy & calm & (rsi < 70.0) & (lanes.close > middle)) | (rsi < 20.0)
            return Decisions.of(buy, sell | (rsi > 80.0), hist)

        def reason(self, side: int, values: Any, details: Any) -> str:
            return ""

    return Rule(Eleven(), {})


def named_strategies() -> list[Any]:
    """The four named strategies with their defaults, and what the eleven columns need beside."""
    from signals.domain.strategies import REGISTRY
    from signals.scan.decisions import Rule

    kinds = ("ma_cross", "rsi_divergence", "bollinger_breakout", "macd_trend")
    return [Rule(REGISTRY[kind], REGISTRY[kind].validate({})) for kind in kinds]


def _inputs(indicator: Indicator) -> tuple[str, ...]:
    from signals.domain.indicators import KINDS

    return KINDS[indicator.kind].inputs


def _say(name: str, ours: float, theirs: float, bar: float | None, symbols: int, length: int, **more: Any) -> None:
    figure(
        name, symbols=symbols, candles=length, ratio=theirs / ours, bar=bar, ms=ours * 1e3,
        talib_loop_ms=theirs * 1e3, ns_per_candle=ours / symbols / length * 1e9, **more,
    )  # fmt: skip
