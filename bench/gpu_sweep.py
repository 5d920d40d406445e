"""The sweep on a GPU for `make gpu-check`: the CPU's bits, and 100,000 sets x 100,000 candles against two threads."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from signals.sweep.cuda.launch import Device, Gpu, ma_cross_sweep
from signals.sweep.rules import Rules
from signals.sweep.run import Figures
from signals.sweep.run import ma_cross_sweep as cpu_sweep

CPU_THREADS = 2
FAST, SLOW = range(2, 158), range(160, 801)  # 99,996 sets
RULES = (Rules(slippage=0.0005), Rules(slippage=0.0005, stop=0.02, take=0.04))
Say = Callable[..., None]


def measured(say: Say, fp64_rate: float, *, device: Device | None = None, share: int = 1) -> bool:
    """Print a figure for each rules; whether all figures have the CPU's bits. `share` takes every so-manieth set."""
    from bench.sweep import table_make

    table, there = table_make(), device or Gpu()
    fast, slow = (one.ravel()[::share].astype(np.int64) for one in np.meshgrid(FAST, SLOW, indexing="ij"))
    good = True
    for rules in RULES:
        ma_cross_sweep(there, table, fast[:100], slow[:100], rules)
        ours, seconds = _timed(lambda r=rules: ma_cross_sweep(there, table, fast, slow, r))
        theirs, cpu_s = _timed(lambda r=rules: cpu_sweep(table, fast, slow, r, threads=CPU_THREADS))
        same, done = _same(ours, theirs), fast.size * len(table)
        good &= same
        say(
            "gpu sweep with stop and take" if rules.levels else "gpu sweep",
            sets=int(fast.size), candles=len(table), ms=seconds * 1e3, cpu_ms=cpu_s * 1e3, cpu_threads=CPU_THREADS,
            ratio=cpu_s / seconds, at_least=100, same_bits=same, billion_candles_per_s=done / seconds / 1e9,
            share_of_one_fp64_comparison_a_candle=done / seconds / fp64_rate if fp64_rate else None,
        )  # fmt: skip
    return good


def _timed(work: Callable[[], Figures]) -> tuple[Figures, float]:
    """The better of two runs, from arrays on the host to figures on the host."""
    best, found = float("inf"), None
    for _ in range(2):
        began = time.perf_counter()
        found = work()
        best = min(best, time.perf_counter() - began)
    assert found is not None
    return found, best


def _same(ours: Figures, theirs: Figures) -> bool:
    names: tuple[Any, ...] = ("final_equity", "max_drawdown", "trades", "open")
    return all(np.array_equal(getattr(ours, name), getattr(theirs, name)) for name in names)
