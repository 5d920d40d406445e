"""Holes in a series: ranges [since, until) of open times (ms) on a timeframe's grid that have no candle."""

from collections.abc import Iterable

import numpy as np

Range = tuple[int, int]


def holes_of(times: np.ndarray, since_ms: int, until_ms: int, step: int, known: Iterable[Range] = ()) -> list[Range]:
    """Ranges of [since_ms, until_ms) without a candle, less those that are `known` to have none.

    `times` are open times in any order (others than those on the grid are ignored); `since_ms` is on the grid.
    """
    size = max(-((since_ms - until_ms) // step), 0)
    missing = np.ones(size, bool)
    spots, rest = np.divmod(times - since_ms, step)
    missing[spots[(rest == 0) & (spots >= 0) & (spots < size)]] = False
    for first, stop in known:
        missing[max((first - since_ms) // step, 0) : max((stop - since_ms) // step, 0)] = False
    return [(since_ms + int(a) * step, since_ms + int(b) * step) for a, b in _runs(missing)]


def candles_in(ranges: Iterable[Range], step: int) -> int:
    """How many candles the ranges span."""
    return sum((stop - first) // step for first, stop in ranges)


def within(ranges: Iterable[Range], since_ms: int, until_ms: int) -> list[Range]:
    """The parts of the ranges inside [since_ms, until_ms)."""
    cut = ((max(first, since_ms), min(stop, until_ms)) for first, stop in ranges)
    return [(first, stop) for first, stop in cut if first < stop]


def _runs(flags: np.ndarray) -> np.ndarray:
    """(n, 2) first and end index of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.view(np.int8), [0]))))
    return edges.reshape(-1, 2)
