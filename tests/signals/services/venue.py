"""An exchange of a few markets behind the client factory, for the tests of the selection: it counts what is asked."""

import math

import ccxt

HOUR, DAY = 3_600_000, 86_400_000
LENGTHS = {"1m": 60_000, "1h": HOUR, "4h": 4 * HOUR, "1d": DAY}


def listing(symbol: str, tick: float = 0.01, **more):
    base, quote = symbol.split("/")
    market = {
        "id": base + quote, "symbol": symbol, "base": base, "quote": quote, "spot": True, "active": True,
        "precision": {"price": tick, "amount": 1e-05}, "maker": 0.001, "taker": 0.00075, "info": {"status": "TRADING"},
        "limits": {"amount": {"min": 1e-05, "max": 9e15}, "cost": {"min": 5.0}},
    }  # fmt: skip
    return market | more


def ticker(volume: float, bid: float | None = 99.9, ask: float | None = 100.1):
    return {"bid": bid, "ask": ask, "last": 100.0, "high": 105.0, "low": 95.0, "quoteVolume": volume}


class Venue:
    """BTC, ETH, NEW (three days old) and SICK (whose candles fail) against USDT, all trading."""

    def __init__(self, now_ms) -> None:
        self.now_ms = now_ms
        self.markets = {symbol: listing(symbol) for symbol in ("BTC/USDT", "ETH/USDT", "NEW/USDT", "SICK/USDT")}
        self.tickers = {symbol: ticker(1000.0 - rank) for rank, symbol in enumerate(self.markets)}
        self.asked, self.ticker_loads, self.down = [], 0, False

    async def load_markets(self, reload: bool = False):
        return self.markets

    async def fetch_tickers(self):
        if self.down:
            raise ccxt.NetworkError("no route to host")
        self.ticker_loads += 1
        return self.tickers

    @staticmethod
    def parse_timeframe(timeframe: str) -> int:
        return LENGTHS[timeframe] // 1000

    async def fetch_ohlcv(self, symbol: str, timeframe: str, since: int, limit: int):
        self.asked.append((symbol, timeframe, since, limit))
        if self.down or symbol == "SICK/USDT":
            raise ccxt.NetworkError("no answer")
        step = LENGTHS[timeframe]
        begun = self.now_ms() - 3 * DAY if symbol == "NEW/USDT" else 0
        first = -(-max(since, begun) // step) * step
        rows = [_row(symbol, at, step) for at in range(first, self.now_ms(), step)]
        return rows[:limit]


def _row(symbol: str, at: int, step: int) -> list[float]:
    close = 100.0 * math.exp(0.2 * math.sin(at / DAY + len(symbol) * ord(symbol[0])))
    return [at, close, close * 1.02, close * 0.98, close, 10.0]
