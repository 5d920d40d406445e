"""One closed candle of 100 symbols through the production handler, from websocket text to signals ready to be stored,
against freqtrade's `analyze` of 100 pairs; and how long a process takes to its first scan.
"""

import subprocess
import sys
import time
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np

from bench.peers.real_pairs import freqtrade_seconds, real_matrix
from bench.timing import best_s, figure
from signals.candles.matrix import FIELDS, CandleMatrix

EXCHANGE, TIMEFRAME, STEP_MS = "binance", "5m", 300_000
BAR, FULL_BAR, ROUNDS = 800.0, 300.0, 60
TEXT = (
    '{{"e":"kline","E":{close},"s":"{id}","k":{{"t":{open},"T":{close},"s":"{id}","i":"5m","f":1,"L":2,"o":"{o}","c":"{c}",'
    '"h":"{h}","l":"{l}","v":"{v}","n":9,"x":true,"q":"1","V":"1","Q":"1","B":"0"}}}}'
)


def run() -> None:
    """The handler's figure, then the start's."""
    theirs = freqtrade_seconds()
    with (
        mock.patch("signals.versions.versions_enabled", versions),
        mock.patch("signals.strategy_source.versions_enabled", versions),
    ):
        ours, signals = _handled(real_matrix())
    again = freqtrade_seconds()
    theirs_s = min(theirs["median"], again["median"])
    figure(
        "closed candle, text to signals", ratio=theirs_s / ours, bar=BAR, symbols=100, ms=ours * 1e3,
        freqtrade_analyze_ms=theirs_s * 1e3, signals_a_candle=signals,
    )  # fmt: skip
    _full(min(theirs["seconds"], again["seconds"]))
    _start()


def _full(theirs_s: float) -> None:
    """The whole series of the same pairs: 11 columns each, laid out anew and from where they lie."""
    from bench.scan import ELEVEN
    from signals.scan.panel import Panel
    from signals.scan.pass_cpu import columns_compute
    from signals.scan.plan import Plan

    plan, matrix = Plan.of(ELEVEN), real_matrix()
    panel = Panel.of(matrix)
    out = columns_compute(panel, plan)
    ours = best_s(lambda: columns_compute(panel, plan, out=out, threads=1))
    laid = best_s(lambda: columns_compute(Panel.of(matrix), plan, threads=1))
    figure(
        "full scan of real pairs", ratio=theirs_s / ours, bar=FULL_BAR, symbols=len(matrix.symbols),
        candles=matrix.open_time_ms.size, ms=ours * 1e3, freqtrade_analyze_ms=theirs_s * 1e3,
        ratio_with_layout=theirs_s / laid,
    )  # fmt: skip


@cache
def versions() -> list[Any]:
    """The enabled strategies as production keeps them ready (see `signals.versions`), without a database."""
    from bench.scan import named_strategies
    from signals.versions import Version

    return [Version(pk, one.rules, dict(one.values)) for pk, one in enumerate(named_strategies(), 1)]


def _handled(matrix: CandleMatrix) -> tuple[float, float]:
    """Median seconds a candle, and signals a candle, over ROUNDS candles after the first 900."""
    from signals.candles.window import CandleWindow
    from signals.klines import Klines
    from signals.models import Instrument
    from signals.strategy_source import StrategySource

    times = matrix.open_time_ms // STEP_MS * STEP_MS
    ids = {symbol: symbol.replace("/", "").replace("_", "") for symbol in matrix.symbols}
    window, source, klines = CandleWindow(EXCHANGE, TIMEFRAME), StrategySource(), Klines(lambda: None)
    window.symbols_set(list(matrix.symbols))
    begun = len(times) - ROUNDS
    window.load(CandleMatrix(matrix.symbols, times[:begun], *(getattr(matrix, name)[:, :begun] for name in FIELDS)))
    instruments = {symbol: Instrument(pk=place, symbol=symbol) for place, symbol in enumerate(ids, 1)}
    told = [
        [_text(matrix, row, at, int(times[at]), ids[symbol]) for row, symbol in enumerate(matrix.symbols)]
        for at in range(begun, len(times))
    ]
    took, made = [], 0
    for at, texts in zip(range(begun, len(times)), told, strict=True):
        began = time.perf_counter()
        rows = _signals(window, source, klines, texts, ids, int(times[at]), instruments)
        took.append(time.perf_counter() - began)
        made += len(rows)
    return float(np.median(took[2:])), made / ROUNDS


def _signals(
    window: Any, source: Any, klines: Any, texts: list[str], ids: dict[str, str], open_ms: int,
    instruments: dict[str, Any],
) -> list[Any]:  # fmt: skip
    """What streams, window, source and store do with a candle, in their own order."""
    from signals.candles.feed import candles_get, candles_put
    from signals.domain.timeframes import open_time
    from signals.services.signals import signal_rows
    from signals.sources import ScanContext

    for text in texts:
        klines.take(text)
    rows = klines.final(TIMEFRAME, open_ms, ids)
    candles_put(EXCHANGE, TIMEFRAME, open_ms, rows)
    window.advance(open_ms)
    window.put(open_ms, candles_get(EXCHANGE, TIMEFRAME, open_ms))
    assert not window.missing()
    matrix = window.matrix()
    context = ScanContext(
        EXCHANGE, TIMEFRAME, open_time(open_ms), matrix.symbols, matrix, open_ms, frozenset(window.touched)
    )
    window.touched.clear()
    drafts = source.drafts(context)
    scan = SimpleNamespace(exchange=EXCHANGE, timeframe=TIMEFRAME, candle_open_time=open_time(open_ms))
    return signal_rows(scan, matrix, drafts, instruments, open_ms)


def _text(matrix: CandleMatrix, row: int, at: int, open_ms: int, market_id: str) -> str:
    numbers = {name[0]: repr(float(getattr(matrix, name)[row, at])) for name in FIELDS}
    return TEXT.format(id=market_id, open=open_ms, close=open_ms + STEP_MS - 1, **numbers)


def _start() -> None:
    """A process from its beginning to the end of its first scan, kernels cached."""
    code = (
        "import time; began = time.perf_counter()\n"
        "import os; os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'xray_site.settings')\n"
        "import django; django.setup(); ready = time.perf_counter()\n"
        "from bench.scan import matrix_make, named_strategies\n"
        "from signals.scan.decisions import DecisionPlan, masks_compute\n"
        "from signals.scan.panel import Panel\n"
        "masks_compute(Panel.of(matrix_make(100, 1000)), DecisionPlan.of(named_strategies()))\n"
        "print(ready - began, time.perf_counter() - ready)"
    )
    best: tuple[float, float] = (9e9, 9e9)
    for _ in range(3):
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
        best = min(best, (float(out[0]), float(out[1])), key=sum)
    figure("start to first scan", seconds=sum(best), bar_at_most=2.0, django_s=best[0], import_and_scan_s=best[1],
           at=datetime.now(UTC).isoformat(timespec="seconds"))  # fmt: skip
