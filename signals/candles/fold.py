"""Candles of one timeframe folded into those of a longer one."""

import numpy as np

from signals.candles.matrix import CandleTable


def table_folded(table: CandleTable, step: int, into: int) -> CandleTable:
    """Candles of `step` ms folded into candles of `into` ms (a multiple); only those whose last candle is there.

    A hole inside does not matter: high, low and volume are then of what is there.
    """
    if not len(table) or step == into:
        return table
    opens = table.open_time_ms // into * into
    first = np.flatnonzero(np.diff(opens, prepend=opens[0] - 1))
    last = np.append(first[1:], len(table)) - 1
    folded = CandleTable(
        opens[first],
        table.open[first],
        np.maximum.reduceat(table.high, first),
        np.minimum.reduceat(table.low, first),
        table.close[last],
        np.add.reduceat(table.volume, first),
    )
    complete = (opens[first] < opens[-1]) | (table.open_time_ms[last] + step == opens[first] + into)
    return folded.where(complete)
