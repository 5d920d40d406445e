from pathlib import Path

import numpy as np
import polars as pl
import pytest

from signals.candles import store
from signals.candles.files import hot_path, symbol_folder, write_atomically
from signals.candles.matrix import CandleTable
from signals.candles.months import CandleFileDamaged
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


def test_ctrl_c_that_comes_twice_leaves_nothing_half_written(tmp_path, monkeypatch):
    """Polars raises it out of its own code while Python's is still pending: it strikes again in the clearing away."""
    real, calls = Path.unlink, []

    def unlink(path, missing_ok=False):
        calls.append(path)
        if len(calls) == 1:
            raise KeyboardInterrupt
        real(path, missing_ok=missing_ok)

    def killed(_file):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "unlink", unlink)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "x.parquet", killed)
    assert len(calls) == 2 and list(tmp_path.iterdir()) == []


def test_rows_of_any_order_become_a_table():
    rows = [[2000, 1, 2, 0.5, 1.5, 9], [1000, 1, 1, 1, 1, 1], [2000, 2, 3, 1, 2, None]]
    made = CandleTable.from_rows(rows)
    assert made.open_time_ms.tolist() == [1000, 2000] and made.open.tolist() == [1, 2] and np.isnan(made.volume[1])
    assert len(CandleTable.from_rows([])) == 0


def test_a_write_says_what_it_changed_and_leaves_a_file_alone_in_which_nothing_changes():
    assert store.months_write("binance", "BTC/USDT", "1m", table(0, 10)) == store.Written(10, 0)
    path = store.month_paths("binance", "BTC/USDT", "1m")[0]
    before = path.stat().st_ino
    assert store.months_write("binance", "BTC/USDT", "1m", table(2, 5)) == store.Written(0, 0)
    assert path.stat().st_ino == before
    assert store.months_write("binance", "BTC/USDT", "1m", table(8, 5, price=2.0)) == store.Written(3, 2)


def test_the_newest_candles_are_read_without_the_oldest_files(monkeypatch):
    month = 31 * 24 * 60
    store.months_write("binance", "BTC/USDT", "1m", table(0, 2 * month))
    whole = store.history_read(**WHERE, symbol="BTC/USDT")
    read, paths = store.month_read, []
    monkeypatch.setattr(store, "month_read", lambda path: paths.append(path.stem) or read(path))
    newest = store.history_read(**WHERE, symbol="BTC/USDT", limit=100)
    np.testing.assert_array_equal(newest.open_time_ms, whole.open_time_ms[-100:])
    assert paths == ["2024-01"]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all"])
def test_a_damaged_file_is_refused_in_words_and_never_written_over(content):
    store.months_write("binance", "BTC/USDT", "1m", table(0, 10))
    path = store.month_paths("binance", "BTC/USDT", "1m")[0]
    path.write_bytes(content)
    for work in (
        lambda: store.history_read(**WHERE, symbol="BTC/USDT"),
        lambda: store.months_write("binance", "BTC/USDT", "1m", table(5, 10)),
    ):
        with pytest.raises(store.CandleFileDamaged, match=r"BTC_USDT/2023-11.parquet is damaged.*candles repair"):
            work()
    assert path.read_bytes() == content


def test_a_cut_or_changed_file_is_found_wherever_it_was_hit():
    from signals.candles.months import month_verify

    store.months_write("binance", "BTC/USDT", "1m", table(0, 3000))
    path = store.month_paths("binance", "BTC/USDT", "1m")[0]
    whole = path.read_bytes()
    rng = np.random.default_rng(3)
    for at in rng.integers(4, len(whole) - 12, 60).tolist():
        for harmed in (whole[:at], whole[:at] + bytes([whole[at] ^ (1 << int(rng.integers(8)))]) + whole[at + 1 :]):
            path.write_bytes(harmed)
            try:
                rows = month_verify(path)
            except store.CandleFileDamaged:
                continue
            assert rows.open_time_ms.tolist() == table(0, 3000).open_time_ms.tolist()  # the bit meant nothing
            assert (rows.open == 1.0).all() and (rows.volume == 5.0).all()


def test_other_column_types_are_read_and_replaced_at_the_next_write():
    store.months_write("binance", "BTC/USDT", "1m", table(0, 10))
    path = store.month_paths("binance", "BTC/USDT", "1m")[0]
    frame = pl.read_parquet(path)
    frame.select(
        pl.col("open_time_ms").cast(pl.Datetime("ms")).dt.replace_time_zone("UTC").alias("timestamp"),
        *(pl.col(name).cast(pl.Float32) for name in ("open", "high", "low", "close")),
        pl.col("volume").cast(pl.Int32),
    ).write_parquet(path)
    assert store.history_read(**WHERE, symbol="BTC/USDT").volume.tolist() == [5.0] * 10
    store.months_write("binance", "BTC/USDT", "1m", table(10, 1))
    assert pl.read_parquet(path).schema == frame.schema
    pl.read_parquet(path).with_columns(pl.col("open").cast(pl.String)).write_parquet(path)
    with pytest.raises(store.CandleFileDamaged, match="open does not hold numbers"):
        store.history_read(**WHERE, symbol="BTC/USDT")


def test_writers_of_one_series_wait_for_each_other_in_threads_and_processes(tmp_path):
    import subprocess
    import sys
    import threading
    from pathlib import Path

    code = (
        "import os, sys, django; os.environ['XRAY_VAR_DIR'] = sys.argv[1]\n"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'xray_site.settings'; django.setup()\n"
        "from signals.candles import store; from tests.signals.candles.test_store import table\n"
        "for n in range(int(sys.argv[2]), 400, 4): store.months_write('binance', 'BTC/USDT', '1m', table(n, 1))\n"
    )
    root = Path(__file__).resolve().parents[3]
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(first)], cwd=root) for first in (0, 1)
    ]

    def write(first: int) -> None:
        for number in range(first, 400, 4):
            store.months_write("binance", "BTC/USDT", "1m", table(number, 1))

    threads = [threading.Thread(target=write, args=(first,)) for first in (2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait(60) for process in processes] == [0, 0]
    assert len(store.history_read(**WHERE, symbol="BTC/USDT")) == 400
    folder = symbol_folder("binance", "1m", "BTC/USDT")
    assert [path.name for path in folder.iterdir() if path.suffix != ".parquet"] == []


def test_half_a_file_of_a_killed_writer_is_swept_by_the_next():
    store.months_write("binance", "BTC/USDT", "1m", table(0, 10))
    part = symbol_folder("binance", "1m", "BTC/USDT") / ".2023-11.parquet.1-1.part"
    part.write_bytes(b"half")
    store.months_write("binance", "BTC/USDT", "1m", table(10, 10))
    assert not part.exists()


def test_a_changed_bit_is_noticed_by_every_reader_and_never_written_over():
    store.months_write("binance", "BTC/USDT", "1m", table(0, 500))
    path = store.month_paths("binance", "BTC/USDT", "1m")[0]
    whole = pl.read_parquet(path)
    changed = whole.with_columns(pl.when(pl.int_range(pl.len()) == 7).then(9.0).otherwise("close").alias("close"))
    changed.write_parquet(path, metadata=pl.read_parquet_metadata(path))
    damaged = path.read_bytes()
    for use in (
        lambda: store.history_read(**WHERE, symbol="BTC/USDT"),
        lambda: store.months_write("binance", "BTC/USDT", "1m", table(500, 5)),
    ):
        with pytest.raises(CandleFileDamaged, match=r"does not match its checksum.*candles repair"):
            use()
    assert path.read_bytes() == damaged
