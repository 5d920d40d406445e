"""Symbols in trouble: counted, barred, tried again with a doubling wait, and forgotten when they are well."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import ccxt
import pytest

from accounts.clock import clock_set
from accounts.exchanges.errors import ExchangeRetry
from signals.models import Instrument, SymbolTrouble
from signals.selectors import symbols_selected
from signals.services.markets import markets_load
from signals.services.scan import scan_run
from signals.services.selection import instruments_select
from signals.services.troubles import (
    FIRST_S,
    JITTER,
    MOST_S,
    backoff_s,
    barred_reasons,
    trouble_clear,
    trouble_record,
    trouble_retry,
    troubles_note,
)
from tests.signals.services.venue import Venue, listing

pytestmark = pytest.mark.django_db(transaction=True)
START = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
NAMES = {"exchange": "binance", "symbol": "SICK/USDT", "kind": "candles"}


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
    return made


def fail(clock, times: int = 1) -> SymbolTrouble:
    for _ in range(times):
        clock[0] += timedelta(minutes=1)
        trouble = trouble_record(**NAMES, reason="Timed out.")
    return trouble


def test_the_third_failure_in_a_row_bars_and_each_try_doubles_the_wait(clock):
    assert fail(clock, 2).retry_at is None and barred_reasons(exchange="binance") == {}
    waits = []
    for _ in range(10):
        trouble = fail(clock)
        waits.append((trouble.retry_at - clock[0]).total_seconds())
        assert list(barred_reasons(exchange="binance")) == ["SICK/USDT"]
        clock[0] = trouble.retry_at
        assert barred_reasons(exchange="binance") == {}
    for tries, wait in enumerate(waits):
        plain = min(FIRST_S * 2**tries, MOST_S)
        assert plain * (1 - JITTER) - 1 <= wait <= plain * (1 + JITTER) + 1
    assert waits[-1] > 0.79 * MOST_S and trouble.count == 12
    assert trouble.first_seen == START + timedelta(minutes=1) and trouble.last_seen == clock[0] - timedelta(
        seconds=waits[-1]
    )


def test_failures_before_the_next_try_are_the_same_trouble(clock):
    barred = fail(clock, 3)
    again = fail(clock, 5)
    assert (again.count, again.retry_at) == (3, barred.retry_at) and again.last_seen == clock[0]


def test_the_jitter_is_seeded_and_differs_between_symbols():
    waits = [backoff_s(exchange="binance", symbol=f"C{i}/USDT", kind="candles", tries=1) for i in range(50)]
    assert waits == [backoff_s(exchange="binance", symbol=f"C{i}/USDT", kind="candles", tries=1) for i in range(50)]
    assert len(set(waits)) == 50 and max(waits) <= FIRST_S * (1 + JITTER)
    assert backoff_s(exchange="binance", symbol="A", kind="candles", tries=9999) <= MOST_S * (1 + JITTER)


def test_well_again_is_forgotten(clock):
    fail(clock, 4)
    assert trouble_clear(**NAMES) and not trouble_clear(**NAMES)
    assert fail(clock).count == 1


def test_a_round_of_candles_blames_symbols_only_when_the_exchange_answers(clock):
    others = ["BTC/USDT", "ETH/USDT"]
    troubles_note(exchange="binance", failed={"SICK/USDT": "No.", "BTC/USDT": "No."}, well=["ETH/USDT"])
    assert not SymbolTrouble.objects.exists()
    for _ in range(3):
        troubles_note(exchange="binance", failed={"SICK/USDT": "No."}, well=others)
    assert SymbolTrouble.objects.get().retry_at is not None
    troubles_note(exchange="okx", failed={}, well=["SICK/USDT"])
    assert SymbolTrouble.objects.exists()
    troubles_note(exchange="binance", failed={}, well=["SICK/USDT"])
    assert not SymbolTrouble.objects.exists()


def test_a_barred_symbol_leaves_at_once_and_comes_back_when_its_time_has_come(venue, clock):
    markets_load(exchange="binance")
    instruments_select(exchange="binance")
    trouble = fail(clock, 3)
    assert "SICK/USDT" not in symbols_selected(exchange="binance")
    instruments_select(exchange="binance")
    reason = Instrument.objects.get(symbol="SICK/USDT").selection_reason
    assert reason == f"In trouble, tried again after {trouble.retry_at:%Y-%m-%d %H:%M} UTC: Timed out."
    clock[0] = trouble.retry_at
    assert "SICK/USDT" in instruments_select(exchange="binance")
    fail(clock)
    assert "SICK/USDT" not in instruments_select(exchange="binance")
    trouble_retry(trouble=SymbolTrouble.objects.get())
    assert "SICK/USDT" in instruments_select(exchange="binance")
    assert SymbolTrouble.objects.get().count == 4


def test_trying_again_does_not_bar_what_was_not_barred(clock):
    trouble_retry(trouble=fail(clock))
    assert SymbolTrouble.objects.get().retry_at is None


def test_unsupported_markets_are_remembered_and_forgotten_when_they_are(venue, clock):
    long = "L" * 40 + "/USDT"
    venue.markets["PERP"] = listing("PERP/USDT", spot=False) | {"symbol": "PERP/USDT:USDT"}
    venue.markets[long] = listing(long)
    venue.markets["ETH/USDT"] = listing("ETH/USDT", precision={"price": None, "amount": 0.1})
    venue.markets["NEW/USDT"] = listing("NEW/USDT", precision={"price": 0.1, "amount": None})
    Instrument.objects.create(
        exchange="binance", symbol="ETH/USDT", market_id="E", base="ETH", quote="USDT", selected=True,
        tick_size=Decimal(1), lot_size=Decimal(1),
    )  # fmt: skip
    assert markets_load(exchange="binance") == 2
    reasons = dict(SymbolTrouble.objects.filter(kind="unsupported").values_list("symbol", "reason"))
    assert reasons == {
        "PERP/USDT:USDT": "Not a spot market.", long: "Its name is longer than 32 letters.",
        "ETH/USDT": "The exchange states no price step.", "NEW/USDT": "The exchange states no amount step.",
    }  # fmt: skip
    row = Instrument.objects.get(symbol="ETH/USDT")
    assert not row.selected and row.selection_reason == "Not supported: The exchange states no price step."
    counts = set(SymbolTrouble.objects.values_list("count", flat=True))
    markets_load(exchange="binance", refresh=True)
    assert counts == {1} == set(SymbolTrouble.objects.values_list("count", flat=True))
    clock[0] += timedelta(days=2)
    venue.markets["ETH/USDT"] = listing("ETH/USDT")
    markets_load(exchange="binance", refresh=True)
    assert not SymbolTrouble.objects.filter(symbol="ETH/USDT").exists()
    assert set(SymbolTrouble.objects.values_list("count", flat=True)) == {2}
    assert "ETH/USDT" in instruments_select(exchange="binance")


def test_a_scan_whose_candles_of_one_symbol_keep_failing_drops_it(market, at_candle):
    market.broken["C3/USDT"] = ccxt.BadSymbol("no such symbol")
    for number in (1100, 1101, 1102):
        opened, candle_clock = at_candle(number)
        with candle_clock:
            scan_run(exchange="binance", timeframe="1m", candle_open_time=opened)
    trouble = SymbolTrouble.objects.get()
    assert (trouble.symbol, trouble.kind, trouble.count) == ("C3/USDT", "candles", 3) and trouble.reason
    assert symbols_selected(exchange="binance") == [f"C{i}/USDT" for i in (0, 1, 2, 4, 5)]
    market.broken.clear()
    Instrument.objects.update(selected=True)
    opened, candle_clock = at_candle(1103)
    with candle_clock:
        scan_run(exchange="binance", timeframe="1m", candle_open_time=opened)
    assert not SymbolTrouble.objects.exists()


def test_an_exchange_that_gives_no_candles_at_all_blames_no_symbol(market, at_candle):
    market.broken |= {symbol: ccxt.NetworkError("down") for symbol in market.matrix.symbols}
    for number in (1100, 1101, 1102, 1103):
        opened, candle_clock = at_candle(number)
        with candle_clock, pytest.raises(ExchangeRetry):
            scan_run(exchange="binance", timeframe="1m", candle_open_time=opened)
    assert not SymbolTrouble.objects.exists()
