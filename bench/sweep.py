"""The sweep against vectorbt: 1,000 pairs of averages over 100,000 candles on two threads, without and with levels."""

import os
from typing import Any

import numpy as np

from bench.peers.running import peer_run
from bench.timing import best_s, figure
from signals.candles.matrix import CandleTable
from signals.sweep.rules import Rules
from signals.sweep.run import ma_cross_sweep

CANDLES, THREADS = 100_000, 2
FAST, SLOW = range(5, 55, 2), range(60, 260, 5)
BARS = ((Rules(fill="close", slippage=0.0005), 600), (Rules(fill="close", slippage=0.0005, stop=0.02, take=0.04), 200))


def table_make() -> CandleTable:
    """A seeded random walk with candles around it."""
    rng = np.random.default_rng(7)
    close = 30_000.0 * np.exp(np.cumsum(rng.normal(0, 0.002, CANDLES)))
    opens = np.concatenate((close[:1], close[:-1]))
    high = np.maximum(opens, close) * (1 + np.abs(rng.normal(0, 0.0007, CANDLES)))
    low = np.minimum(opens, close) * (1 - np.abs(rng.normal(0, 0.0007, CANDLES)))
    return CandleTable(np.arange(CANDLES) * 300_000, opens, high, low, close, np.ones(CANDLES))


def run() -> None:
    """Both figures; ours is taken before and after the peer's, and the slower of the two bests counts."""
    table = table_make()
    pairs = np.array([(fast, slow) for fast in FAST for slow in SLOW][:1000])
    for rules, bar in BARS:
        _one(table, pairs, rules, bar)


def _one(table: CandleTable, pairs: np.ndarray, rules: Rules, bar: int) -> None:
    fast, slow = (np.ascontiguousarray(pairs[:, column]) for column in (0, 1))

    def ours(threads: int = THREADS) -> Any:
        return ma_cross_sweep(table, fast, slow, rules, threads=threads)

    before = best_s(ours, repeats=15)
    peer = _vectorbt(table, pairs, rules)
    seconds = max(before, best_s(ours, repeats=15))
    found = ours()
    figure(
        "sweep with stop and take" if rules.levels else "sweep",
        sets=len(pairs),
        candles=CANDLES,
        threads=THREADS,
        ms=seconds * 1e3,
        one_thread_ms=best_s(lambda: ours(1)) * 1e3,
        vectorbt_s=peer["seconds"],
        vectorbt=peer["version"],
        ratio=peer["seconds"] / seconds,
        at_least=bar,
        equity_difference=float(np.max(np.abs(found.final_equity / np.array(peer["final_equity"]) - 1))),
        trades=int(found.trades.sum()),
        million_candles_per_s=len(pairs) * CANDLES / seconds / 1e6,
    )


def _vectorbt(table: CandleTable, pairs: np.ndarray, rules: Rules) -> dict[str, Any]:
    numbers = np.array([rules.fee, rules.slippage, rules.stop, rules.take, rules.balance])
    arrays = {name: getattr(table, name) for name in ("open", "high", "low", "close")}
    cores = set(sorted(os.sched_getaffinity(0))[:THREADS])
    return peer_run("vectorbt", "vectorbt_sweep", arrays | {"pairs": pairs, "rules": numbers}, cores=cores)
