"""Import, check, repair and export of stored candles, on real and on made-up series."""

import numpy as np
import polars as pl
import pytest

from signals.candles import store
from signals.candles.frames import frame_write
from signals.candles.matrix import FIELDS, CandleTable
from signals.candles.months import month_write
from signals.models import CandleHole, CandleSeries, Instrument
from signals.services.candle_files import candles_export, candles_import
from signals.services.candle_repair import series_check, series_listed, series_repair
from tests.signals.support import MINUTE, START, walk_matrix

pytestmark = pytest.mark.django_db
WHERE = {"exchange": "binance", "timeframe": "1m"}
MONTHS = 2 * 31 * 24 * 60


def walk(length: int = 3000) -> CandleTable:
    return walk_matrix(1, length).table("C0/USDT")


def imported(tmp_path, table: CandleTable, symbol: str = "C0_USDT", timeframe: str = "1m"):
    path = tmp_path / "files" / f"{symbol}.parquet"
    frame_write(path, table)
    return candles_import(exchange="binance", path=path, timeframe=timeframe)


def same(mine: CandleTable, theirs: CandleTable) -> None:
    for name in ("open_time_ms", *FIELDS):
        np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))


def read(symbol: str = "C0/USDT") -> CandleTable:
    return store.history_read(**WHERE, symbol=symbol)


def the_series() -> CandleSeries:
    return series_listed(exchange="binance")[0]


def test_an_import_is_stored_described_and_free_the_second_time(tmp_path):
    table = walk(MONTHS)
    assert imported(tmp_path, table, timeframe="").status == "stored"
    same(read(), table)
    row = CandleSeries.objects.get()
    assert (row.rows, row.gaps, row.revision, row.timeframe) == (MONTHS, 0, 0, "1m")
    assert not Instrument.objects.get().active
    assert imported(tmp_path, table).status == "unchanged"
    assert series_check(series=row).as_json()["status"] == "good"


def test_an_import_with_other_numbers_is_a_correction(tmp_path):
    table = walk()
    imported(tmp_path, table)
    table.volume[[5, 6, 7]] += 1.0
    assert imported(tmp_path, table).corrected == 3
    assert CandleSeries.objects.get().revision == 3
    same(read(), table)


def test_an_import_cleans_by_rule_and_says_so(tmp_path):
    table = walk()
    table.close[10], table.high[20], table.low[30] = np.nan, np.inf, -1.0
    result = imported(tmp_path, table.where(np.r_[1500:3000, 0:1500, 40]))
    assert (result.status, result.rows) == ("cleaned", 2997)
    assert result.problems == {"bad_price": 3, "duplicated": 1, "unsorted": 2}
    assert CandleSeries.objects.get().gaps == 3


def test_a_refused_symbol_stores_nothing(tmp_path):
    table = walk()
    table.close[:1000] = 0.0
    assert imported(tmp_path, table).status == "refused"
    assert imported(tmp_path, walk(), symbol="C0USDT").reason.startswith("C0USDT.parquet names no pair")
    assert imported(tmp_path, walk(), timeframe="5m").reason == "These are 1m candles, not 5m."
    assert CandleSeries.objects.count() == 0 and len(read()) == 0


def harm_doubled(path, table):
    month_write(path, table.where(np.r_[0 : len(table), 5, 6]))


def harm_bad(path, table):
    table.close[7] = np.nan
    month_write(path, table)


def harm_order(path, table):
    month_write(path, table.where(np.arange(len(table))[::-1]))


def harm_grid(path, table):
    table.open_time_ms[9] += 1
    month_write(path, table)


def harm_cut(path, _table):
    path.write_bytes(path.read_bytes()[:100])


def harm_empty(path, _table):
    path.write_bytes(b"")


def harm_bits(path, table):
    frame = pl.DataFrame({name: getattr(table, name) for name in ("open_time_ms", *FIELDS)})
    frame.write_parquet(path, metadata={"xray.crc32": "1"})


def harm_hole(path, table):
    month_write(path, table.where(np.r_[0:100, 160 : len(table)]))


def harm_month(path, table):
    month_write(path, table.joined(walk(MONTHS).where(np.r_[0:3, MONTHS - 3 : MONTHS])))


def harm_gone(path, _table):
    path.unlink()


def harm_part(path, _table):
    path.with_name(f".{path.name}.1-1.part").write_bytes(b"half")


HARMS = {
    harm_doubled: "duplicated",
    harm_bad: "bad_price",
    harm_order: "unsorted",
    harm_grid: "off_grid",
    harm_cut: "damaged",
    harm_empty: "damaged",
    harm_bits: "damaged",
    harm_hole: "missing",
    harm_month: "wrong_month",
    harm_gone: "missing",
    harm_part: "half_written_files",
}


@pytest.mark.embedded
@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
def test_every_harm_is_found_and_repaired_to_the_last_bit(tmp_path, harm, number):
    table = walk(MONTHS)
    imported(tmp_path, table)
    path = store.month_paths("binance", "C0/USDT", "1m")[number]
    there = store.month_read(path)
    harm(path, there.where(np.arange(len(there))))
    report = series_check(series=the_series())
    assert not report.good and (HARMS[harm] in report.problems or getattr(report, HARMS[harm], None))
    asked = []

    def refetch(instrument, timeframe, ranges):
        asked.extend(ranges)
        for first, stop in ranges:
            store.months_write("binance", instrument.symbol, timeframe, table.between(first, stop))
        from signals.services.series import series_describe

        series_describe(instrument=instrument, timeframe=timeframe)
        return ""

    report = series_repair(series=the_series(), refetch=refetch)
    assert report.status == "repaired", report
    same(read(), table)
    assert series_check(series=the_series()).status == "good"
    row = CandleSeries.objects.get()
    assert (row.rows, row.gaps) == (MONTHS, 0)
    assert series_repair(series=row, refetch=refetch).status == "good"


def test_a_repair_without_an_exchange_keeps_the_holes_in_sight(tmp_path):
    imported(tmp_path, walk(MONTHS))
    path = store.month_paths("binance", "C0/USDT", "1m")[0]
    harm_cut(path, None)
    for _ in range(2):
        report = series_repair(series=the_series(), refetch=None)
        assert report.status == "problems" and "--offline" in report.reason
    assert [one.name for one in path.parent.glob("*.damaged-*")] == ["2023-11.parquet.damaged-1"]
    failed = series_repair(series=the_series(), refetch=lambda *_: "no network")
    assert (failed.status, failed.reason) == ("problems", "no network")


def test_marked_holes_are_no_holes_any_more(tmp_path):
    table = walk()
    imported(tmp_path, table.where(np.r_[0:100, 130:200, 201:3000]))
    report = series_check(series=the_series())
    assert report.problems == {"missing": 31} and len(report.holes) == 2
    assert series_repair(series=the_series(), refetch=None, mark=True).status == "repaired"
    assert series_check(series=the_series()).known_holes == 31
    assert set(CandleHole.objects.values_list("reason", flat=True)) == {"marked"}


def test_the_manifest_is_made_anew_from_files_that_nobody_described(tmp_path):
    imported(tmp_path, walk())
    CandleSeries.objects.all().delete()
    report = series_check(series=the_series())
    assert report.manifest == ["there are files but no manifest row"]
    assert series_repair(series=the_series(), refetch=None).status == "repaired"
    Instrument.objects.all().delete()
    assert series_repair(series=the_series(), refetch=None).status == "repaired"
    assert CandleSeries.objects.get().rows == 3000


def test_a_manifest_that_lies_is_found(tmp_path):
    imported(tmp_path, walk())
    CandleSeries.objects.update(rows=5)
    assert series_check(series=the_series()).manifest == ["it says 5 candles, the files hold 3000"]
    assert series_repair(series=the_series(), refetch=None).status == "repaired"
    assert CandleSeries.objects.get().rows == 3000


def test_an_export_cuts_a_range_and_imports_again(tmp_path):
    table = walk()
    imported(tmp_path, table)
    since, until = START + 100 * MINUTE, START + 200 * MINUTE
    for as_csv in (False, True):
        result = candles_export(
            **WHERE, symbol="C0/USDT", folder=tmp_path / "out", since_ms=since, until_ms=until, as_csv=as_csv
        )
        assert (result.status, result.rows) == ("written", 100)
        path = tmp_path / "out" / f"C0_USDT.{'csv' if as_csv else 'parquet'}"
        assert candles_import(exchange="binance", path=path).status == "unchanged"
    nothing = candles_export(**WHERE, symbol="NO/USDT", folder=tmp_path / "out")
    assert nothing.status == "empty" and not nothing.good


def test_late_candles_behind_stored_ones_are_stored_too(market, at_candle):
    from signals.services.candles import history_flush
    from signals.services.scan import scan_run

    def scanned(number):
        opened, clock = at_candle(number)
        with clock:
            scan_run(**WHERE, candle_open_time=opened)
            history_flush(**WHERE, everything=True)

    hidden = {("C3/USDT", int(market.matrix.open_time_ms[number])) for number in (1100, 1101)}
    market.hidden |= hidden
    for number in (1100, 1101, 1102):
        scanned(number)
    row = CandleSeries.objects.get(instrument__symbol="C3/USDT")
    assert row.gaps == 2
    market.hidden.clear()
    scanned(1103)
    row.refresh_from_db()
    assert row.gaps == 0 and series_check(series=row).status == "good"


def test_a_damaged_file_of_one_lane_does_not_keep_the_others_from_being_stored(market, at_candle, caplog):
    from signals.services.candles import history_flush
    from signals.services.scan import scan_run

    opened, clock = at_candle(1100)
    with clock:
        scan_run(**WHERE, candle_open_time=opened)
    store.months_write("binance", "C2/USDT", "1m", market.matrix.table("C2/USDT").where(slice(1000, 1010)))
    for path in store.month_paths("binance", "C2/USDT", "1m"):
        path.write_bytes(b"")
    assert history_flush(**WHERE, everything=True) == 5
    assert "C2/USDT are not stored" in caplog.text
