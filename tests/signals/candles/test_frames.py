import numpy as np
import polars as pl
import pytest

from signals.candles.cleaning import NO_TIME, CandlesRefused
from signals.candles.frames import frame_write, rows_read
from signals.candles.matrix import FIELDS
from tests.signals.support import walk_matrix


@pytest.fixture
def table():
    return walk_matrix(1, 60, scale=3e-7).table("C0/USDT")


def same(read, table) -> None:
    for name in ("open_time_ms", *FIELDS):
        np.testing.assert_array_equal(getattr(read, name), getattr(table, name))


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_what_is_written_reads_back_to_the_last_bit(tmp_path, table, suffix):
    path = tmp_path / f"C0_USDT.{suffix}"
    frame_write(path, table, as_csv=suffix == "csv")
    same(rows_read(path), table)


def frame(table) -> pl.DataFrame:
    return pl.DataFrame({"t": table.open_time_ms, **{name: getattr(table, name) for name in FIELDS}})


TIMES = {
    "milliseconds": pl.col("t"),
    "seconds": pl.col("t") // 1000,
    "float seconds": (pl.col("t") // 1000).cast(pl.Float64),
    "microseconds": pl.col("t") * 1000,
    "nanoseconds": pl.col("t") * 1_000_000,
    "naive": pl.col("t").cast(pl.Datetime("ms")),
    "utc": pl.col("t").cast(pl.Datetime("ms")).cast(pl.Datetime("ns")).dt.replace_time_zone("UTC"),
    "elsewhere": pl.col("t").cast(pl.Datetime("ms")).dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo"),
    "text": pl.col("t").cast(pl.String),
    "iso": pl.col("t").cast(pl.Datetime("ms")).dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "iso with a space": pl.col("t").cast(pl.Datetime("ms")).dt.strftime("%Y-%m-%d %H:%M:%S"),
    "iso without seconds": pl.col("t").cast(pl.Datetime("ms")).dt.strftime("%Y-%m-%dT%H:%MZ"),
    "iso with an offset": pl.col("t").cast(pl.Datetime("ms")).dt.strftime("%Y-%m-%d %H:%M:%S.000+00:00"),
}


@pytest.mark.parametrize("kind", TIMES)
@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_every_kind_of_time_and_number_is_read(tmp_path, table, kind, suffix):
    made = frame(table).with_columns(TIMES[kind].alias("Timestamp"), pl.col("volume").cast(pl.Int64).alias("volume"))
    made = made.drop("t").rename({"open": "Open"})
    path = tmp_path / f"C0_USDT.{suffix}"
    (made.write_csv if suffix == "csv" else made.write_parquet)(path)
    same(rows_read(path), table)


def test_missing_values_are_told_apart(tmp_path, table):
    made = frame(table).rename({"t": "time"}).with_columns(
        pl.when(pl.int_range(60) == 3).then(None).otherwise(pl.col("time")).alias("time"),
        pl.when(pl.int_range(60) == 4).then(pl.lit("n/a")).otherwise(pl.col("close").cast(pl.String)).alias("close"),
    )  # fmt: skip
    made.write_csv(tmp_path / "C0_USDT.csv")
    read = rows_read(tmp_path / "C0_USDT.csv")
    assert read.open_time_ms[3] == NO_TIME and (read.open_time_ms != NO_TIME).sum() == 59
    assert np.isnan(read.close[4]) and np.isnan(read.close).sum() == 1


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_what_is_no_candle_file_is_refused_in_words(tmp_path, table, suffix):
    path = tmp_path / f"C0_USDT.{suffix}"
    path.write_bytes(b"")
    with pytest.raises(CandlesRefused, match="empty"):
        rows_read(path)
    path.write_bytes(b"\x00nothing\xff like,a\ntable")
    with pytest.raises(CandlesRefused):
        rows_read(path)
    made = frame(table).rename({"t": "timestamp"}).drop("high")
    (made.write_csv if suffix == "csv" else made.write_parquet)(path)
    with pytest.raises(CandlesRefused, match="no column high"):
        rows_read(path)


def test_a_cut_parquet_file_is_refused(tmp_path, table):
    path = tmp_path / "C0_USDT.parquet"
    frame_write(path, table)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(CandlesRefused, match="cannot be read"):
        rows_read(path)
