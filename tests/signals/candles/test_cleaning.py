import numpy as np
import pytest

from signals.candles.cleaning import NO_TIME, CandlesRefused, cleaned, timeframe_of
from signals.candles.matrix import CandleTable
from tests.signals.support import MINUTE, START, walk_matrix

LATER = START + 10**12


def rows(length: int = 400) -> CandleTable:
    table = walk_matrix(1, length).table("C0/USDT")
    return table.where(np.arange(length))  # arrays of its own


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("open", np.nan, "bad_price"),
        ("high", np.inf, "bad_price"),
        ("low", 0.0, "bad_price"),
        ("close", -1.0, "bad_price"),
        ("high", 1e-9, "bad_range"),
        ("low", 1e9, "bad_range"),
        ("close", 1e9, "bad_range"),
        ("volume", np.nan, "bad_volume"),
        ("volume", -1.0, "bad_volume"),
        ("open_time_ms", START + 7, "off_grid"),
        ("open_time_ms", NO_TIME, "no_time"),
    ],
)
def test_a_bad_row_is_dropped_under_its_name(column, value, problem):
    table = rows()
    getattr(table, column)[5] = value
    clean = cleaned(table, "1m", LATER)
    assert clean.problems == {problem: 1} and clean.dropped == 1
    expected = rows().where(np.arange(400) != 5)
    np.testing.assert_array_equal(clean.table.open_time_ms, expected.open_time_ms)
    np.testing.assert_array_equal(clean.table.close, expected.close)


def test_order_and_duplicates_are_put_right_and_the_last_row_stays():
    table = rows()
    mixed = table.where(np.r_[200:400, 0:200, 7])
    mixed.close[-1] = mixed.high[-1]
    clean = cleaned(mixed, "1m", LATER)
    assert clean.problems == {"duplicated": 1, "unsorted": 2}
    np.testing.assert_array_equal(clean.table.open_time_ms, table.open_time_ms)
    assert clean.table.close[7] == table.high[7] and clean.table.close[8] == table.close[8]


def test_tiny_prices_zero_volume_and_one_candle_are_fine():
    table = walk_matrix(1, 300, scale=1e-9).table("C0/USDT")
    table.volume[:] = 0.0
    assert cleaned(table, "1m", LATER).problems == {}
    assert len(cleaned(table.where(slice(0, 1)), "1m", LATER).table) == 1


def test_a_candle_that_still_runs_is_dropped():
    table = rows()
    clean = cleaned(table, "1m", int(table.open_time_ms[-1]) + MINUTE - 1)
    assert clean.problems == {"not_closed": 1} and len(clean.table) == 399


def test_files_that_are_something_else_are_refused_in_words():
    table = rows()
    with pytest.raises(CandlesRefused, match="no candles"):
        cleaned(CandleTable.empty(), "1m", LATER)
    with pytest.raises(CandlesRefused, match="These are 1m candles, not 5m"):
        cleaned(table, "5m", LATER)
    with pytest.raises(CandlesRefused, match="These are 1m candles, not 1h"):
        cleaned(table.where(slice(0, 3)), "1h", LATER)
    mixed = table.joined(_moved(table.where(slice(0, 300, 5)), 500 * MINUTE))
    with pytest.raises(CandlesRefused, match=r"Mixed time frames.*5m apart"):
        cleaned(mixed, "1m", LATER)
    table.close[:50] = np.nan
    with pytest.raises(CandlesRefused, match="50 of 400 rows cannot be used"):
        cleaned(table, "1m", LATER)
    with pytest.raises(CandlesRefused, match="before 2009"):
        cleaned(_moved(rows(), -START), "1m", LATER)


def test_a_few_bad_rows_of_a_short_series_are_no_reason_to_refuse_it():
    table = rows(8)
    table.close[2] = np.nan
    assert len(cleaned(table, "1m", LATER).table) == 7
    table.close[:] = np.nan
    with pytest.raises(CandlesRefused, match="No row can be used"):
        cleaned(table, "1m", LATER)


def test_holes_are_no_mixture():
    table = rows()
    keep = np.random.default_rng(1).random(400) > 0.5
    assert cleaned(table.where(keep), "1m", LATER).problems == {}


def test_the_timeframe_is_what_most_candles_are_apart():
    times = rows().open_time_ms
    assert timeframe_of(times) == "1m" and timeframe_of(times[::5]) == "5m"
    with pytest.raises(CandlesRefused, match="--timeframe"):
        timeframe_of(times[:1])
    with pytest.raises(CandlesRefused, match="420 s apart"):
        timeframe_of(times[::7])


def _moved(table: CandleTable, by_ms: int) -> CandleTable:
    return CandleTable(table.open_time_ms + by_ms, table.open, table.high, table.low, table.close, table.volume)
