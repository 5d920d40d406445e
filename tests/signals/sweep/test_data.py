"""What a sweep makes of bad candles."""

import numpy as np
import polars as pl
import pytest

from signals.sweep.data import series_of, series_read
from signals.sweep.rules import SweepError

NOW = 1_700_000_000_000


def columns_make(size):
    close = np.linspace(100.0, 110.0, size)
    return [close.copy(), close + 1, close - 1, close.copy(), np.ones(size)]


def times_make(size):
    return NOW + 300_000 * np.arange(size)


def test_clean_candles_come_through():
    series = series_of("A/B", times_make(5), *columns_make(5))
    assert len(series.table) == 5 and series.notices == ()


def test_rows_are_sorted_and_the_last_of_equal_times_stands():
    times = times_make(5)[[1, 0, 2, 3, 3]]
    columns = columns_make(5)
    series = series_of("A/B", times, *columns)
    assert series.table.close.tolist() == columns[3][[1, 0, 2, 4]].tolist()
    assert "sorted" in series.notices[0] and "1 rows with a time" in series.notices[1]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0, 0.0])
def test_unusable_candles_are_left_out_with_a_notice(bad):
    columns = columns_make(6)
    columns[3][2] = bad
    series = series_of("A/B", times_make(6), *columns)
    assert len(series.table) == 5
    assert series.notices == (
        "1 unusable candles (NaN, infinite, not above zero) were left out",
        "1 candles are missing between the first and the last",
    )


@pytest.mark.parametrize("size", [0, 1])
def test_too_few_candles_are_refused(size):
    with pytest.raises(SweepError, match="at least 2"):
        series_of("A/B", times_make(size), *columns_make(size))


def test_mixed_time_frames_are_refused():
    times = times_make(6)
    times[3:] += 70_000
    with pytest.raises(SweepError, match="mixes time frames"):
        series_of("A/B", times, *columns_make(6))


def test_hours_after_minutes_are_no_holes():
    times = np.concatenate([times_make(1500), NOW + 3_600_000 * np.arange(130, 260)])
    with pytest.raises(SweepError, match=r"mixes time frames: they change at 2023-11-20 .* \(row 1502\)"):
        series_of("A/B", times, *columns_make(times.size))


def test_what_a_file_lacks_is_said_in_one_line(tmp_path):
    pl.DataFrame({"timestamp": [1], "open": [1.0]}).write_parquet(tmp_path / "A_B.parquet")
    with pytest.raises(SweepError, match=r'unable to find column "high"[^\n]*\.\Z'):
        series_read(tmp_path / "A_B.parquet", "A/B")
