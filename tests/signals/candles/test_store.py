import numpy as np
import pytest

from signals.candles import store
from signals.candles.files import hot_path, symbol_folder, write_atomically
from signals.candles.matrix import CandleTable
from tests.signals.support import MINUTE, START, walk_matrix

WHERE = {"exchange": "binance", "timeframe": "1m"}


def table(start: int, length: int, price: float = 1.0) -> CandleTable:
    times = START + MINUTE * np.arange(start, start + length, dtype=np.int64)
    return CandleTable(times, *(np.full(length, price + number) for number in range(5)))


def test_months_are_files_and_newer_candles_win():
    month = 31 * 24 * 60
    store.months_write("binance", "BTC/USDT", "1m", table(0, month))
    store.months_write("binance", "BTC/USDT", "1m", table(month - 5, 10, price=9.0))
    names = sorted(path.name for path in symbol_folder("binance", "1m", "BTC/USDT").iterdir())
    assert names == ["2023-11.parquet", "2023-12.parquet"]
    read = store.history_read(**WHERE, symbol="BTC/USDT")
    assert len(read) == month + 5
    assert (np.diff(read.open_time_ms) == MINUTE).all()
    assert read.open[-10:].tolist() == [9.0] * 10 and read.open[-11] == 1.0


def test_the_hot_window_is_newer_than_the_months_and_bounds_hold():
    matrix = walk_matrix(2, 50)
    store.hot_write("binance", "1m", matrix)
    store.months_write("binance", "C0/USDT", "1m", table(-100, 120))
    read = store.history_read(**WHERE, symbol="C0/USDT")
    assert len(read) == 150
    np.testing.assert_array_equal(read.close[-50:], matrix.close[0])
    since, until = START - 3 * MINUTE, START + 4 * MINUTE
    assert store.history_read(**WHERE, symbol="C0/USDT", since_ms=since, until_ms=until).open_time_ms.tolist() == list(
        range(since, until, MINUTE)
    )
    assert store.history_read(**WHERE, symbol="C0/USDT", limit=60).open_time_ms[0] == START - 10 * MINUTE


def test_nothing_stored_reads_as_nothing():
    assert len(store.history_read(**WHERE, symbol="NO/USDT", limit=10)) == 0
    assert store.matrix_read(**WHERE, symbols=("NO/USDT",), limit=10).close.shape == (1, 0)


def test_matrix_read_aligns_symbols_on_one_grid():
    matrix = walk_matrix(3, 40)
    matrix.close[1, 5] = np.nan
    store.hot_write("binance", "1m", matrix)
    read = store.matrix_read(**WHERE, symbols=("C2/USDT", "NO/USDT", "C1/USDT"), limit=38)
    assert read.close.shape == (3, 38)
    np.testing.assert_array_equal(read.close[0], matrix.close[2, 2:])
    assert np.isnan(read.close[1]).all() and np.isnan(read.close[2, 3])
    longer = store.matrix_read(**WHERE, symbols=("C0/USDT", "C1/USDT"), limit=100)
    assert longer.close.shape == (2, 40) and np.isnan(longer.close[1, 5])


def test_a_reader_never_sees_half_a_file():
    store.hot_write("binance", "1m", walk_matrix(2, 30))

    def killed(file):
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(hot_path("binance", "1m"), killed)
    assert store.hot_read("binance", "1m").close.shape == (2, 30)
    assert [path.name for path in hot_path("binance", "1m").parent.iterdir()] == ["hot.npz"]


def test_rows_of_any_order_become_a_table():
    rows = [[2000, 1, 2, 0.5, 1.5, 9], [1000, 1, 1, 1, 1, 1], [2000, 2, 3, 1, 2, None]]
    made = CandleTable.from_rows(rows)
    assert made.open_time_ms.tolist() == [1000, 2000] and made.open.tolist() == [1, 2] and np.isnan(made.volume[1])
    assert len(CandleTable.from_rows([])) == 0
