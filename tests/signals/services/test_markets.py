from datetime import timedelta
from decimal import Decimal

import ccxt
import pytest

from accounts.clock import now
from accounts.exchanges.errors import ExchangeRetry
from signals.domain.strategies import REGISTRY
from signals.models import ExchangeState, Instrument, SelectionStep, Strategy
from signals.selectors import symbols_selected
from signals.services.markets import markets_load
from signals.services.selection import instruments_select, selection_step_save
from signals.services.setup import exchange_prepare

pytestmark = pytest.mark.django_db(transaction=True)


def listing(symbol: str, tick: float = 0.01, **more):
    base, quote = symbol.split("/")
    market = {
        "id": base + quote, "symbol": symbol, "base": base, "quote": quote, "spot": True, "active": True,
        "precision": {"price": tick, "amount": 1e-05}, "maker": 0.001, "taker": 0.00075,
        "limits": {"amount": {"min": 1e-05, "max": 9e15}, "cost": {"min": 5.0}},
    }  # fmt: skip
    return market | more


def ticker(volume: float, bid: float | None = 99.9, ask: float | None = 100.1):
    return {"bid": bid, "ask": ask, "quoteVolume": volume}


class Venue:
    def __init__(self) -> None:
        names = {"BTC/USDT": 0.01, "PEPE/USDT": 1e-12, "ETH/BTC": 1e-05, "WIDE/USDT": 0.01, "DEAD/USDT": 0.01}
        self.markets = {symbol: listing(symbol, tick) for symbol, tick in names.items()}
        self.markets["OFF/USDT"] = listing("OFF/USDT", active=False)
        self.markets["PERP/USDT:USDT"] = listing("PERP/USDT", spot=False) | {"symbol": "PERP/USDT:USDT"}
        self.tickers = {symbol: ticker(1000.0) for symbol in self.markets}
        self.tickers |= {
            "BTC/USDT": ticker(9000.0), "WIDE/USDT": ticker(5000.0, 98.0, 102.0), "DEAD/USDT": ticker(0.0),
            "PEPE/USDT": ticker(8000.0, 1.000e-6, 1.001e-6),
        }  # fmt: skip
        self.loads, self.broken = 0, None

    async def load_markets(self, reload: bool = False):
        if self.broken:
            raise self.broken
        self.loads += 1
        return self.markets

    async def fetch_tickers(self):
        return self.tickers


@pytest.fixture
def venue(monkeypatch) -> Venue:
    from accounts.exchanges import factory

    made = Venue()
    monkeypatch.setattr(factory, "public_client", lambda _name, **_options: made)
    return made


def test_limits_are_exact_decimals(venue):
    assert markets_load(exchange="binance") == 6
    pepe = Instrument.objects.get(symbol="PEPE/USDT")
    assert (pepe.tick_size, pepe.lot_size) == (Decimal("0.000000000001"), Decimal("0.00001"))
    assert (pepe.max_amount, pepe.min_notional) == (Decimal(9 * 10**15), Decimal(5))
    assert (pepe.maker_fee, pepe.taker_fee) == (Decimal("0.001"), Decimal("0.00075"))
    assert not Instrument.objects.filter(symbol__contains=":").exists()
    assert ExchangeState.objects.get(exchange="binance").markets_loaded_at is not None


def test_selection_by_volume_and_spread_with_a_reason_each(venue, settings):
    settings.BASE_MAX_SYMBOLS = 1  # what the default chain is made from
    markets_load(exchange="binance")
    assert instruments_select(exchange="binance") == ["BTC/USDT"]
    reasons = dict(Instrument.objects.values_list("symbol", "selection_reason"))
    assert reasons == {
        "BTC/USDT": "Rank 1 of 1: 24 h volume 9,000, spread 0.200%.",
        "PEPE/USDT": "Rank 2 by 24 h volume; the first 1 are kept.",
        "ETH/BTC": "Not quoted in USDT.",
        "WIDE/USDT": "Spread 4.000% is above 1.000%.",
        "DEAD/USDT": "No volume in 24 hours.",
        "OFF/USDT": "Not traded by the exchange now.",
    }
    volume = SelectionStep.objects.get(kind="volume")
    volume.parameters["top"] = 100
    selection_step_save(step=volume)
    assert instruments_select(exchange="binance") == ["BTC/USDT", "PEPE/USDT"]
    assert symbols_selected(exchange="binance") == ["BTC/USDT", "PEPE/USDT"]


def test_an_empty_or_crossed_book_is_not_selected(venue):
    venue.tickers["BTC/USDT"] = ticker(9000.0, None, 100.0)
    venue.tickers["PEPE/USDT"] = ticker(9000.0, 101.0, 100.0)
    markets_load(exchange="binance")
    assert instruments_select(exchange="binance") == []


def test_a_delisted_market_leaves_the_scan(venue):
    markets_load(exchange="binance")
    instruments_select(exchange="binance")
    del venue.markets["PEPE/USDT"]
    markets_load(exchange="binance", refresh=True)
    pepe = Instrument.objects.get(symbol="PEPE/USDT")
    assert (pepe.active, pepe.selected, pepe.selection_reason) == (False, False, "No longer listed by the exchange.")


def test_an_unreachable_exchange_says_so_and_changes_nothing(venue):
    markets_load(exchange="binance")
    venue.broken = ccxt.NetworkError("no route to host")
    with pytest.raises(ExchangeRetry, match="binance"):
        markets_load(exchange="binance", refresh=True)
    assert Instrument.objects.filter(active=True).count() == 5


def test_preparing_twice_within_the_hour_asks_once(venue):
    assert exchange_prepare(exchange="binance") == ["BTC/USDT", "PEPE/USDT"]
    assert exchange_prepare(exchange="binance") == ["BTC/USDT", "PEPE/USDT"]
    assert venue.loads == 1 and Strategy.objects.count() == len(REGISTRY)
    ExchangeState.objects.update(markets_loaded_at=now() - timedelta(hours=2))
    exchange_prepare(exchange="binance")
    assert venue.loads == 2
