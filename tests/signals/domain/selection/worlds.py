"""Candidates and candles for the tests of the selection."""

import numpy as np

from signals.candles.matrix import CandleTable
from signals.domain.selection.base import Candidate, Market
from signals.domain.selection.chain import Step, chain_run

DAY = 86_400_000
NOW = 20_000 * DAY


def coin(base: str = "BTC", **more) -> Candidate:
    given = {
        "symbol": f"{base}/USDT", "base": base, "quote": "USDT", "tick": 0.01, "last": 100.0, "volume": 1000.0,
        "spread": 0.001, "high": 105.0, "low": 95.0,
    }  # fmt: skip
    return Candidate(**given | more)


def table(closes, *, step: int = DAY, end: int = NOW, width: float = 0.01) -> CandleTable:
    close = np.asarray(closes, float)
    times = end - step * np.arange(close.size, 0, -1)
    return CandleTable(times, close, close * (1 + width), close * (1 - width), close, np.ones(close.size))


def sieve(rules, candidates, *, tables=None, now_ms: int = NOW, **told):
    market = Market(now_ms, tuple(candidates), tables or {})
    return rules.sieve(candidates, rules.validate(told), market)


def symbols(candidates) -> list[str]:
    return [one.symbol for one in candidates]


def chain(candidates, *steps, tables=None, now_ms: int = NOW):
    def candles(wanted, _want):
        return {one: tables[one] for one in wanted if one in (tables or {})}

    return chain_run(candidates, [Step(kind, told) for kind, told in steps], now_ms=now_ms, candles=candles)
