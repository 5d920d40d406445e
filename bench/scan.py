"""The scan's fused pass (the production function) against a loop of TA-Lib calls that computes the same columns."""

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.timing import best_s, figure
from signals.candles.matrix import CandleMatrix

SHAPES = ((100, 500), (1000, 500))


def matrix_make(symbols: int, length: int) -> CandleMatrix:
    """Random walks with candles around them."""
    rng = np.random.default_rng(7)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.002, (symbols, length)), axis=1))
    opens = np.roll(close, 1, axis=1)
    high, low = np.maximum(opens, close) * 1.001, np.minimum(opens, close) * 0.999
    names = tuple(f"S{number}/USDT" for number in range(symbols))
    return CandleMatrix(names, np.arange(length) * 60_000, opens, high, low, close, rng.random((symbols, length)))


def talib_calls() -> dict[str, Callable[..., Any]]:
    """Indicator kind to the TA-Lib call on one symbol's (high, low, close)."""
    import talib

    return {
        "sma": lambda h, lo, c, n: talib.SMA(c, int(n)),
        "ema": lambda h, lo, c, n: talib.EMA(c, int(n)),
        "rsi": lambda h, lo, c, n: talib.RSI(c, int(n)),
        "atr": lambda h, lo, c, n: talib.ATR(h, lo, c, int(n)),
        "bb": lambda h, lo, c, n, k: talib.BBANDS(c, int(n), k, k),
        "macd": lambda h, lo, c, *n: talib.MACD(c, *(int(one) for one in n)),
    }


def run() -> None:
    """Candles a second and the ratio, for several numbers of symbols."""
    from signals.domain.strategies import REGISTRY
    from signals.scan.pass_cpu import lanes_compute

    wanted = dict.fromkeys(one for rules in REGISTRY.values() for one in rules.indicators(rules.validate({})))
    calls = talib_calls()
    for symbols, length in SHAPES:
        matrix = matrix_make(symbols, length)

        def loop(matrix: CandleMatrix = matrix) -> None:
            for lane in zip(matrix.high, matrix.low, matrix.close, strict=True):
                for one in wanted:
                    calls[one.kind](*lane, *one.args)

        ours, theirs = best_s(lambda m=matrix: lanes_compute(m, wanted)), best_s(loop)
        figure(
            "scan pass",
            symbols=symbols,
            candles=length,
            columns=sum(len(one.columns) for one in wanted),
            ms=ours * 1e3,
            talib_loop_ms=theirs * 1e3,
            ratio=theirs / ours,
            million_candles_per_s=symbols * length / ours / 1e6,
        )
