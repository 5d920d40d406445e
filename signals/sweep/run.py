"""A sweep over one symbol's candles on the CPU: sets in chunks, chunks on threads."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event
from typing import Any

import numpy as np

from signals.candles.matrix import CandleTable
from signals.sweep.rules import Rules
from signals.sweep.ticks import Ticks, ticks_of

CHUNK = 1000  # sets whose averages and state fit the processor's cache
TILE = 64  # slow periods that are swept together

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Figures:
    """What sets came to, one entry a set: final equity and drawdown float64, trades int64, open and done bool."""

    final_equity: np.ndarray
    max_drawdown: np.ndarray
    trades: np.ndarray
    open: np.ndarray
    done: np.ndarray

    @classmethod
    def empty(cls, sets: int) -> "Figures":
        """Nothing done yet."""
        return cls(
            np.full(sets, np.nan), np.full(sets, np.nan), np.zeros(sets, np.int64), np.zeros(sets, bool),
            np.zeros(sets, bool),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Market:
    """What the kernels read of one symbol: candles float64 (4, time + 64), low and high (spans, time)."""

    candles: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, table: CandleTable) -> "Market":
        """From usable candles."""
        from signals.sweep import kernels

        size = len(table)
        candles = np.full((4, size + kernels.WIDTH), np.nan)
        for row, column in enumerate((table.open, table.high, table.low, table.close)):
            candles[row, :size] = column
        low, high = np.empty((2, kernels.SPANS + 1, size))
        kernels.spans(np.ascontiguousarray(table.close, np.float64), low, high)
        return cls(candles, low, high)


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0))


def rules_array(rules: Rules) -> np.ndarray:
    """The rules in the order the kernels read them."""
    return np.array([float(rules.fill == "next_open"), rules.slippage, rules.fee, rules.stop, rules.take])


def ma_cross_sweep(
    table: CandleTable,
    fast: np.ndarray,
    slow: np.ndarray,
    rules: Rules,
    *,
    threads: int | None = None,
    stop: Event | None = None,
    progress: Progress | None = None,
) -> Figures:
    """Dual averages: fast and slow int64 (sets,), each fast below its slow. `progress` is told how many sets are done.

    When `stop` is set, chunks that have not begun are left out; their sets stay not `done`.
    """
    market, ticks = Market.of(table), ticks_of(np.asarray(table.close, np.float64), int(slow.max(initial=2)))
    figures = Figures.empty(fast.size)
    wanted = threads or cores()

    def work(chunk: np.ndarray) -> None:
        _ma_cross_chunk(market, ticks, fast[chunk], slow[chunk], rules, chunk, figures)

    spread_out(work, chunks_of(fast, slow, wanted), wanted, stop or Event(), progress)
    return figures


def chunks_of(fast: np.ndarray, slow: np.ndarray, threads: int) -> list[np.ndarray]:
    """Indices of sets that share averages, in equal parts for the threads, at most CHUNK sets each."""
    order = np.lexsort((slow, fast, np.unique(slow, return_inverse=True)[1].reshape(-1) // TILE))
    parts = -(-fast.size // CHUNK)
    return np.array_split(order, max(-(-parts // threads) * threads, 1)) if fast.size >= threads else [order]


def spread_out(
    work: Callable[[np.ndarray], None], chunks: list[np.ndarray], threads: int, stop: Event, progress: Progress | None
) -> None:
    """Do chunks on threads until they are done or `stop` is set. An interrupt sets it: what has begun is finished."""
    try:
        if threads == 1 or len(chunks) == 1:
            for chunk in chunks:
                if stop.is_set():
                    return
                work(chunk)
                _told(progress, chunk)
            return
        with ThreadPoolExecutor(threads, thread_name_prefix="sweep") as pool:
            _pooled(pool, work, iter(chunks), threads, stop, progress)
    except KeyboardInterrupt:
        stop.set()


def _pooled(
    pool: ThreadPoolExecutor,
    work: Callable[[np.ndarray], None],
    chunks: Iterator[np.ndarray],
    threads: int,
    stop: Event,
    progress: Progress | None,
) -> None:
    running: dict[Future[Any], np.ndarray] = {}
    while True:
        while not stop.is_set() and len(running) < threads and (chunk := next(chunks, None)) is not None:
            running[pool.submit(work, chunk)] = chunk
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            _told(progress, running.pop(future))
            future.result()


def _told(progress: Progress | None, chunk: np.ndarray) -> None:
    if progress is not None:
        progress(chunk.size)


def begun(sets: int, rules: Rules) -> tuple[np.ndarray, np.ndarray]:
    """State of sets before the first candle: numbers float64 (sets, 4), counts int64 (sets, 4)."""
    from signals.sweep import kernels

    numbers, counts = np.zeros((sets, 4)), np.zeros((sets, 4), np.int64)
    numbers[:, kernels.CASH] = numbers[:, kernels.PEAK] = rules.balance
    numbers[:, kernels.WORST] = 1.0
    counts[:, kernels.ENTRY] = kernels.FLAT
    return numbers, counts


def _ma_cross_chunk(
    market: Market, ticks: Ticks, fast: np.ndarray, slow: np.ndarray, rules: Rules, chunk: np.ndarray, figures: Figures
) -> None:
    from signals.sweep import kernels

    periods, places = np.unique(np.concatenate((fast, slow)), return_inverse=True)
    places = places.reshape(-1).astype(np.int64)
    numbers, counts = begun(chunk.size, rules)
    final = np.empty(chunk.size)
    kernels.ma_cross(
        ticks.sums, ticks.ticks, market.candles, market.low, market.high, periods.astype(np.int64),
        places[: chunk.size].copy(), places[chunk.size :].copy(), rules_array(rules), rules.levels or None,
        numbers, counts, final,
    )  # fmt: skip
    figures_put(figures, chunk, final, numbers, counts)


def figures_put(figures: Figures, at: Any, final: Any, numbers: np.ndarray, counts: np.ndarray) -> None:
    """Keep what sets came to."""
    from signals.sweep import kernels

    figures.final_equity[at] = final
    figures.max_drawdown[at] = 1.0 - numbers[:, kernels.WORST]
    figures.trades[at] = counts[:, kernels.TRADES]
    figures.open[at] = counts[:, kernels.ENTRY] != kernels.FLAT
    figures.done[at] = True
