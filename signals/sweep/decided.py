"""A sweep of any strategy: what its own `decide` says of each parameter set, then the sweep's trades.

Indicators that several sets share are computed once a batch, for all symbols whose candles have the same times. Each
lane is one symbol's usable candles, so a strategy sees neighbours as neighbours; larger candles go by their times.
"""

from collections.abc import Iterable, Iterator, Sequence
from threading import Event

import numpy as np

from signals.candles.matrix import FIELDS, CandleMatrix
from signals.domain.lanes import Lanes
from signals.sweep.data import Series
from signals.sweep.grid import Grid
from signals.sweep.rules import Rules
from signals.sweep.run import Figures, Market, Progress, begun, cores, figures_put, rules_array, spread_out

BUDGET = 256 << 20  # bytes of indicator columns that are held at once
ONE_CANDLE = 250  # bytes a symbol's candle takes besides


def decided_sweep(
    series: Sequence[Series], grid: Grid, rules: Rules, *, threads: int | None = None, stop: Event | None = None,
    progress: Progress | None = None,
) -> list[Figures]:  # fmt: skip
    """Figures of every symbol of one group (see `grouped`). `progress` is told how many more sets are done."""
    from signals.scan.pass_cpu import lanes_compute

    matrix = _matrix(series)
    markets = [Market.of(one.table) for one in series]
    found, ending = [Figures.empty(len(grid)) for _ in series], stop or Event()
    for batch in _batches(grid, matrix.close.size):
        if ending.is_set():
            break
        wanted = dict.fromkeys(one for number in batch for one in grid.strategy.indicators(grid.complete(number)))
        lanes = lanes_compute(matrix, wanted)

        def work(numbers: np.ndarray, lanes: Lanes = lanes) -> None:
            for number in numbers.tolist():
                _set_run(number, grid, lanes, markets, rules, found)

        def told(sets: int) -> None:
            if progress is not None:
                progress(sets * len(series))

        parts = np.array_split(np.array(batch), len(batch))
        spread_out(work, parts, threads or cores(), ending, told)
    return found


def fits(candles: int) -> int:
    """How many symbols of so many candles may be swept together."""
    return max(1, BUDGET // (ONE_CANDLE * max(candles, 1)))


def grouped(series: Iterable[Series]) -> Iterator[list[Series]]:
    """Symbols whose candles have the same times, as many together as fit."""
    waiting: dict[bytes, list[Series]] = {}
    for one in series:
        times = one.table.open_time_ms.tobytes()
        group = waiting.setdefault(times, [])
        group.append(one)
        if len(group) >= fits(len(one.table)):
            yield waiting.pop(times)
    yield from waiting.values()


def _matrix(series: Sequence[Series]) -> CandleMatrix:
    arrays = (np.stack([getattr(one.table, name) for one in series]) for name in FIELDS)
    return CandleMatrix(tuple(one.symbol for one in series), series[0].table.open_time_ms, *arrays)


def _batches(grid: Grid, candles: int) -> Iterator[list[int]]:
    """Sets in their order, as many together as their distinct indicator columns fit the budget."""
    batch: list[int] = []
    columns: set[str] = set()
    for number in range(len(grid)):
        more = {name for one in grid.strategy.indicators(grid.complete(number)) for name in one.columns}
        if batch and (len(columns | more) * candles * 8 > BUDGET):
            yield batch
            batch, columns = [], set()
        batch.append(number)
        columns |= more
    if batch:
        yield batch


def _set_run(
    number: int, grid: Grid, lanes: Lanes, markets: Sequence[Market], rules: Rules, found: Sequence[Figures]
) -> None:
    from signals.sweep import kernels

    side = grid.strategy.decide(lanes, grid.complete(number)).side
    events = np.empty(side.shape[1], np.int64)
    for row, market in enumerate(markets):
        numbers, counts = begun(1, rules)
        own = np.ascontiguousarray(side[row, : market.low.shape[1]], np.int8)
        final = kernels.sided(
            own, market.candles, market.low, market.high, rules_array(rules), rules.levels or None,
            numbers[0], counts[0], events,
        )  # fmt: skip
        figures_put(found[row], slice(number, number + 1), final, numbers, counts)
