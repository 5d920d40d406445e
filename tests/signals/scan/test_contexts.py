"""Larger candles beside the scan's own."""

import numpy as np
import polars as pl
import pytest

from signals.candles.matrix import FIELDS, CandleMatrix
from signals.domain.indicators import Indicator
from signals.scan.contexts import larger_matrix
from signals.scan.pass_cpu import lanes_compute
from tests.signals.support import MINUTE, holed_matrix, walk_matrix

HOUR = Indicator("ema", (5,), 60)


def at_five(matrix: CandleMatrix) -> CandleMatrix:
    times = (matrix.open_time_ms - matrix.open_time_ms[0]) * 5 + 1_700_000_100_000 // 300_000 * 300_000
    return CandleMatrix(matrix.symbols, times, *(getattr(matrix, name) for name in FIELDS))


def cut(matrix: CandleMatrix, stop: int) -> CandleMatrix:
    fields = (getattr(matrix, name)[:, :stop] for name in FIELDS)
    return CandleMatrix(matrix.symbols, matrix.open_time_ms[:stop], *fields)


def test_names_say_the_length():
    assert [Indicator("ema", (5,), n).columns[0] for n in (15, 60, 240, 1440)] == [
        "ema_5@15m", "ema_5@1h", "ema_5@4h", "ema_5@1d"
    ]  # fmt: skip


def test_larger_candles_are_what_polars_makes_of_them():
    matrix = at_five(walk_matrix(3, 500))
    larger = larger_matrix(matrix, 60)
    frame = pl.DataFrame({"t": matrix.open_time_ms, **{n: getattr(matrix, n)[1] for n in FIELDS}})
    groups = frame.group_by((pl.col("t") // 3_600_000).alias("h"), maintain_order=True).agg(
        pl.len().alias("n"), pl.first("open"), pl.max("high"), pl.min("low"), pl.last("close"), pl.sum("volume")
    )
    whole = groups.filter(pl.col("n") == 12)
    assert (larger.open_time_ms // 3_600_000).tolist() == whole["h"].to_list()
    for name in FIELDS:
        np.testing.assert_allclose(getattr(larger, name)[1], whole[name].to_numpy(), rtol=1e-14)


@pytest.mark.parametrize("make", [walk_matrix, holed_matrix])
def test_a_prefix_gives_what_the_whole_gives(make):
    """The value at a candle must not know how its hour ends."""
    matrix = at_five(make(9, 400))
    whole = lanes_compute(matrix, [HOUR])["ema_5@1h"]
    assert np.isfinite(whole).sum() > 1000
    for length in range(60, 400, 7):
        np.testing.assert_array_equal(lanes_compute(cut(matrix, length), [HOUR])["ema_5@1h"], whole[:, :length])


def test_a_value_changes_with_the_candle_that_closes_the_hour():
    matrix = at_five(walk_matrix(1, 400))
    values = lanes_compute(matrix, [HOUR])["ema_5@1h"][0]
    closes_hour = (matrix.open_time_ms + 5 * MINUTE) % (60 * MINUTE) == 0
    changed = np.flatnonzero(np.diff(values) != 0) + 1
    assert changed.size > 20 and closes_hour[changed[np.isfinite(values[changed - 1])]].all()


def test_where_the_own_candles_are_as_long_they_are_meant():
    matrix = at_five(walk_matrix(2, 100))
    lanes = lanes_compute(matrix, [Indicator("ema", (5,), 5), Indicator("ema", (5,))])
    np.testing.assert_array_equal(lanes["ema_5@5m"], lanes["ema_5"])
