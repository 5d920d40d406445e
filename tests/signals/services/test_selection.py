"""The selection service: the default chain, what is stored, what is fetched and how often, what a preview leaves."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.clock import clock_set, now_ms
from accounts.exchanges.errors import ExchangeRetry
from signals.candles import store
from signals.candles.matrix import CandleTable
from signals.domain.selection import REGISTRY, FilterError
from signals.domain.selection.base import Want
from signals.domain.timeframes import open_time
from signals.models import CandleSeries, Instrument, SelectionStep
from signals.services.markets import markets_load
from signals.services.selection import instruments_select, selection_ensure, selection_preview, selection_step_save
from signals.services.selection_data import CandleSource, tickers_recent
from tests.signals.services.venue import DAY, HOUR, Venue, _row, listing, ticker

pytestmark = pytest.mark.django_db(transaction=True)
START = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)


@pytest.fixture
def clock():
    moment = [START]
    with clock_set(lambda: moment[0]):
        yield moment


@pytest.fixture
def venue(monkeypatch, clock) -> Venue:
    from accounts.exchanges import factory

    made = Venue(lambda: int(clock[0].timestamp() * 1000))
    monkeypatch.setattr(factory, "public_client", lambda _name, **_options: made)
    markets_load(exchange="binance")
    return made


def step(kind: str, position: int = 50, exchange: str = "", **told) -> SelectionStep:
    selection_ensure()
    row = SelectionStep(kind=kind, position=position, exchange=exchange, parameters=told)
    return selection_step_save(step=row)


def state():
    return list(Instrument.objects.order_by("pk").values()), list(SelectionStep.objects.order_by("pk").values())


def test_the_default_chain_is_made_once_from_the_settings(settings):
    settings.BASE_MAX_SYMBOLS, settings.MAX_SPREAD_PERCENT = 7, 0.02
    assert [row.kind for row in selection_ensure()] == ["market_status", "quote_currency", "spread", "volume"]
    assert selection_ensure() == []
    told = dict(SelectionStep.objects.values_list("kind", "parameters"))
    assert (told["volume"]["top"], told["spread"]["maximum"]) == (7, 0.02)
    SelectionStep.objects.exclude(kind="spread").delete()
    assert selection_ensure() == [] and SelectionStep.objects.count() == 1


def test_steps_run_by_position_and_of_the_exchange_alone(venue):
    step("offset", 5, number=1)
    step("blacklist", 1, exchange="okx", symbols=["BTC/USDT"])
    disabled = step("blacklist", 2, symbols=["ETH/USDT"])
    SelectionStep.objects.filter(pk=disabled.pk).update(enabled=False)
    assert instruments_select(exchange="binance") == ["BTC/USDT"]
    reasons = dict(Instrument.objects.values_list("symbol", "selection_reason"))
    assert reasons["BTC/USDT"] == "Rank 1 of 1: 24 h volume 1,000, spread 0.200%."
    assert reasons["ETH/USDT"] == "Rank 2: only ranks 1 to 1 are kept." and all(reasons.values())


def test_a_preview_changes_nothing_and_asks_once_a_minute(venue, clock):
    first = selection_preview(exchange="binance")
    assert first.result.chosen == ("BTC/USDT", "ETH/USDT", "NEW/USDT", "SICK/USDT")
    assert not SelectionStep.objects.exists()  # the default chain it ran is made at the first selection
    instruments_select(exchange="binance")
    step("offset", number=1)
    before = state()
    assert selection_preview(exchange="binance").result.chosen == ("BTC/USDT",)
    assert state() == before and venue.ticker_loads == 2
    clock[0] += timedelta(minutes=2)
    selection_preview(exchange="binance")
    assert venue.ticker_loads == 3


def test_an_exchange_that_is_down_stops_the_selection_and_not_the_preview(venue, clock):
    instruments_select(exchange="binance")
    before, venue.down = state(), True
    clock[0] += timedelta(minutes=5)
    with pytest.raises(ExchangeRetry):
        instruments_select(exchange="binance")
    assert state() == before
    shown = selection_preview(exchange="binance")
    assert len(shown.result.chosen) == 4 and "stored last are used" in shown.problems[0]
    asked = len(venue.asked)
    step("age")
    skipped = selection_preview(exchange="binance", fetch=False)
    assert len(skipped.result.chosen) == 4 and "Age was skipped" in skipped.problems[-1] and len(venue.asked) == asked


def test_candles_are_asked_for_only_when_a_step_needs_them_and_only_the_new_ones_again(venue, clock):
    instruments_select(exchange="binance")
    assert venue.asked == []
    step("blacklist", 40, symbols=["ETH/USDT"])
    step("age")
    assert instruments_select(exchange="binance") == ["BTC/USDT"]
    reasons = dict(Instrument.objects.values_list("symbol", "selection_reason"))
    assert reasons["NEW/USDT"] == "Listed for 2 days, which is below 10."
    assert reasons["SICK/USDT"] == "No listing date and no daily candle."
    assert sorted({one[0] for one in venue.asked}) == ["BTC/USDT", "NEW/USDT", "SICK/USDT"]
    venue.asked.clear()
    instruments_select(exchange="binance")
    assert {one[0] for one in venue.asked} == {"SICK/USDT"}
    clock[0] += timedelta(days=1)
    venue.asked.clear()
    instruments_select(exchange="binance")
    limits = {symbol: limit for symbol, _, _, limit in venue.asked}
    assert limits["BTC/USDT"] == limits["NEW/USDT"] == 2 and limits["SICK/USDT"] > 10  # one closed, one to be sure


def test_a_longer_want_keeps_what_a_shorter_one_had(venue):
    source = CandleSource("binance")
    assert len(source(["BTC/USDT"], Want("1d", 30))["BTC/USDT"]) == 30
    assert len(source(["BTC/USDT"], Want("1d", 5))["BTC/USDT"]) == 5
    asked = len(venue.asked)
    assert len(source(["BTC/USDT"], Want("1d", 30))["BTC/USDT"]) == 30 and len(venue.asked) == asked
    assert len(source(["NEW/USDT"], Want("1d", 30))["NEW/USDT"]) == 2
    source(["NEW/USDT"], Want("1d", 30))
    assert len(venue.asked) == asked + 1  # what an exchange does not have is not asked for again


def test_stored_candles_of_a_shorter_timeframe_serve(venue):
    row = Instrument.objects.get(symbol="BTC/USDT")
    since = (now_ms() // DAY - 20) * DAY
    rows = [_row("BTC/USDT", at, HOUR) for at in range(since, now_ms() // HOUR * HOUR, HOUR)]
    table = CandleTable.from_rows(rows)
    store.months_write("binance", "BTC/USDT", "1h", table)
    first, last = open_time(int(table.open_time_ms[0])), open_time(int(table.open_time_ms[-1]))
    CandleSeries.objects.create(instrument=row, timeframe="1h", rows=len(table), first_open=first, last_open=last)
    source = CandleSource("binance")
    days = source(["BTC/USDT"], Want("1d", 10))["BTC/USDT"]
    assert len(days) == 10 and venue.asked == []
    day = table.between(int(days.open_time_ms[0]), int(days.open_time_ms[0]) + DAY)
    assert len(day) == 24 and days.high[0] == day.high.max() and days.close[0] == day.close[-1]
    source(["BTC/USDT"], Want("1d", 60))
    assert len(venue.asked) == 1


def test_all_filters_on_and_every_instrument_has_its_reason(venue):
    selection_ensure()
    for place, kind in enumerate(REGISTRY, 60):
        step(kind, place)
    chosen = instruments_select(exchange="binance")
    rows = Instrument.objects.all()
    assert set(chosen) <= {"BTC/USDT", "ETH/USDT"} and chosen
    assert {row.symbol for row in rows if row.selected} == set(chosen) and all(row.selection_reason for row in rows)


def test_odd_tickers_are_missing_ones(venue):
    venue.tickers["BTC/USDT"] = ticker(float("nan"), float("inf"), float("nan"))
    venue.tickers["ETH/USDT"] = {"bid": "99.9", "ask": "x", "quoteVolume": None}
    venue.tickers.pop("NEW/USDT")
    assert instruments_select(exchange="binance") == ["SICK/USDT"]
    assert not Instrument.objects.exclude(symbol="SICK/USDT").exclude(volume_quote_24h=0.0).exists()


def test_what_the_exchange_says_of_a_market_reaches_the_chain(venue, clock):
    ends = int((clock[0] + timedelta(days=3)).timestamp() * 1000)
    venue.markets["BTC/USDT"] = listing("BTC/USDT", info={"state": "live", "expTime": str(ends)})
    venue.markets["ETH/USDT"] = listing("ETH/USDT", info={"status": "BREAK"}, created=ends - 40 * DAY)
    venue.markets["NEW/USDT"] = listing("NEW/USDT", info={"st": True, "expTime": "soon"})
    markets_load(exchange="binance", refresh=True)
    assert instruments_select(exchange="binance") == ["SICK/USDT"]
    reasons = dict(Instrument.objects.values_list("symbol", "selection_reason"))
    assert reasons["BTC/USDT"] == "Delisting announced for 2026-05-07."
    assert reasons["ETH/USDT"] == "The exchange's state is BREAK." and "state is ST" in reasons["NEW/USDT"]
    assert Instrument.objects.get(symbol="ETH/USDT").listed_at == open_time(ends - 40 * DAY)


def test_wrong_parameters_are_never_saved_and_a_step_that_went_wrong_is_skipped(venue):
    with pytest.raises(FilterError):
        step("volume", top=-3)
    assert SelectionStep.objects.count() == 4
    SelectionStep.objects.create(kind="removed", position=1)
    SelectionStep.objects.create(kind="spread", position=2, parameters={"maximum": "wide"})
    assert len(instruments_select(exchange="binance")) == 4
    problems = selection_preview(exchange="binance").problems
    assert "removed was skipped" in problems[0] and "spread was skipped: maximum must be" in problems[1]


def test_unreadable_files_are_as_good_as_none(venue, settings):
    instruments_select(exchange="binance")
    folder = settings.VAR_DIR / "selection" / "binance"
    CandleSource("binance")(["BTC/USDT"], Want("1d", 5))
    for name in ("tickers.json", "1d.npz"):
        assert (folder / name).exists()
        (folder / name).write_bytes(b"half a fi")
    assert tickers_recent(exchange="binance", fetch=False).problem == "No tickers of binance are stored."
    assert len(CandleSource("binance")(["BTC/USDT"], Want("1d", 5))["BTC/USDT"]) == 5
