"""What becomes of candles that are not as they should be: one stated rule for each problem.

| problem | rule |
|---|---|
| `no_time`: a row without an open time | the row is dropped |
| `off_grid`: an open time that is no multiple of the timeframe | the row is dropped |
| `not_closed`: a candle that has not ended yet | the row is dropped |
| `bad_price`: a price that is NaN, infinite, zero or negative | the row is dropped (it becomes a hole) |
| `bad_range`: high below low, or open or close outside of [low, high] | the row is dropped |
| `bad_volume`: a volume that is NaN, infinite or negative (zero is fine) | the row is dropped |
| `duplicated`: several rows of one open time | the last row stays |
| `unsorted`: rows out of order | they are put in order |
| more than 10 rows and more than 10 % of the rows would be dropped | the symbol is refused |
| mixed time frames: 12 candles in a row at the distance of another timeframe | the symbol is refused |
| nothing is left, or open times before 2009 | the symbol is refused |
"""

from dataclasses import dataclass

import numpy as np

from signals.candles.matrix import CandleTable
from signals.candles.months import ordered
from signals.domain.timeframes import TIMEFRAMES, open_time

DROPPED = ("no_time", "off_grid", "not_closed", "bad_price", "bad_range", "bad_volume")
MOST_DROPPED, MOST_SHARE = 10, 0.1
RUN = 12  # spacings in a row that are no chance
TOLERANCE = 1e-9  # relative: open and close may pass high and low by a float's rounding
EARLIEST_MS = 1_230_768_000_000  # 2009-01-01: no coin is older; earlier times are another unit
NO_TIME = np.iinfo(np.int64).min


class CandlesRefused(ValueError):
    """Candles that cannot be used as they are, in words."""


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Candles in order, and how many rows had which problem."""

    table: CandleTable
    problems: dict[str, int]

    @property
    def dropped(self) -> int:
        """Rows that were left out."""
        return sum(count for name, count in self.problems.items() if name in DROPPED)


def cleaned(rows: CandleTable, timeframe: str, now_ms: int) -> Cleaned:
    """Candles of one symbol by the rules above; open times that are missing are NO_TIME.

    Raises CandlesRefused.
    """
    if not len(rows):
        raise CandlesRefused("There are no candles in it.")
    usable = _units_check(rows)
    _spacing_check(np.unique(rows.open_time_ms[usable]), timeframe)
    problems = problems_of(rows, TIMEFRAMES[timeframe], now_ms)
    bad = np.logical_or.reduce(list(problems.values()))
    counts = _first_problem_counts(problems)
    if bad.sum() > max(MOST_DROPPED, MOST_SHARE * len(rows)):
        raise CandlesRefused(f"{int(bad.sum())} of {len(rows)} rows cannot be used ({words(counts)}).")
    good = rows.where(~bad)
    if not len(good):
        raise CandlesRefused(f"No row can be used ({words(counts)}).")
    return Cleaned(ordered(good), {**counts, **_order_problems(good.open_time_ms)})


def problems_of(rows: CandleTable, step: int, now_ms: int) -> dict[str, np.ndarray]:
    """Problem -> bool mask of the rows that have it."""
    prices = np.stack((rows.open, rows.high, rows.low, rows.close))
    times = rows.open_time_ms
    with np.errstate(invalid="ignore"):
        above = np.maximum(rows.open, rows.close) > rows.high * (1 + TOLERANCE)
        below = np.minimum(rows.open, rows.close) < rows.low * (1 - TOLERANCE)
        return {
            "no_time": times == NO_TIME,
            "off_grid": times % step != 0,
            "not_closed": times + step > now_ms,
            "bad_price": (~np.isfinite(prices) | (prices <= 0)).any(axis=0),
            "bad_range": above | below | (rows.high < rows.low),
            "bad_volume": ~np.isfinite(rows.volume) | (rows.volume < 0),
        }


def timeframe_of(times: np.ndarray) -> str:
    """The timeframe that most candles are apart. Raises CandlesRefused where that is none, or below two candles."""
    distances = np.diff(np.unique(times[times != NO_TIME]))
    if not distances.size:
        raise CandlesRefused("One candle does not say its timeframe: name it with --timeframe.")
    lengths, counts = np.unique(distances, return_counts=True)
    length = int(lengths[np.argmax(counts)])
    found = next((name for name, step in TIMEFRAMES.items() if step == length), None)
    if found is None:
        raise CandlesRefused(f"Most candles are {length / 1000:g} s apart: that is no known timeframe.")
    return found


def words(counts: dict[str, int]) -> str:
    """Counts as text."""
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())


def _first_problem_counts(problems: dict[str, np.ndarray]) -> dict[str, int]:
    """Each bad row counted once, under its first problem."""
    names = list(problems)
    masks = np.stack([problems[name] for name in names])
    first = masks.argmax(axis=0)[masks.any(axis=0)]
    counts = np.bincount(first, minlength=len(names))
    return {name: int(count) for name, count in zip(names, counts, strict=True) if count}


def _order_problems(times: np.ndarray) -> dict[str, int]:
    steps = np.diff(times)
    found = {"duplicated": times.size - np.unique(times).size, "unsorted": int((steps < 0).sum())}
    return {name: int(count) for name, count in found.items() if count}


def _units_check(rows: CandleTable) -> np.ndarray:
    usable = rows.open_time_ms != NO_TIME
    early = usable & (rows.open_time_ms < EARLIEST_MS)
    if early.sum() > MOST_SHARE * len(rows):
        raise CandlesRefused("Its open times lie before 2009: is the unit another one than it seems?")
    return usable


def _spacing_check(times: np.ndarray, timeframe: str) -> None:
    distances = np.diff(times)
    for name, step in TIMEFRAMES.items():
        if name == timeframe:
            continue
        same = distances == step
        if same.size >= 2 and same.all():
            raise CandlesRefused(f"These are {name} candles, not {timeframe}.")
        if (at := _run_at(same)) is not None:
            begins = open_time(int(times[at]))
            raise CandlesRefused(
                f"Mixed time frames: from {begins:%Y-%m-%d %H:%M} on, candles are {name} apart, not {timeframe}."
            )


def _run_at(flags: np.ndarray) -> int | None:
    """Where the first run of RUN True begins."""
    if flags.size < RUN:
        return None
    sums = np.convolve(flags.astype(np.int64), np.ones(RUN, np.int64), mode="valid")
    found = np.flatnonzero(sums == RUN)
    return int(found[0]) if found.size else None
