"""The strategies as a source of signals: lanes kept alive for each market, and what every enabled version decides."""

from dataclasses import dataclass, field
from itertools import pairwise
from math import isfinite
from typing import Any

import numpy as np

from signals.candles.matrix import CandleMatrix
from signals.domain.strategies.base import Decisions
from signals.domain.timeframes import MINUTE_MS, open_ms, timeframe_ms
from signals.sources import ScanContext, SignalDraft
from signals.versions import Version, versions_enabled

SIDE_NAMES = {1: "buy", -1: "sell"}


@dataclass(slots=True)
class Market:
    """What is kept of one exchange and timeframe between candles."""

    versions: list[Version] = field(default_factory=list)
    compiled: list[Version] = field(default_factory=list)
    plain: list[Version] = field(default_factory=list)  # those whose `decide` cannot be compiled
    lanes: Any = None


class StrategySource:
    """Runs every enabled strategy version over all symbols at once.

    The newest candle moves the lanes on (see `signals.scan.live`). After a start, a change of symbols or strategies, or
    a candle that was jumped over, they are built from the window; a lane whose history changed is built alone.
    """

    name = "strategies"

    def __init__(self) -> None:
        self._markets: dict[tuple[str, str], Market] = {}

    def drafts(self, context: ScanContext) -> list[SignalDraft]:
        """Drafts of all enabled strategies for the candles from `context.since_ms` on."""
        return self.said(context, versions_enabled())

    def said(self, context: ScanContext, versions: list[Version]) -> list[SignalDraft]:
        """Drafts of these versions."""
        if not versions or not context.matrix.open_time_ms.size:
            return []
        market = self._markets.setdefault((context.exchange, context.timeframe), Market())
        self._follow(market, versions, context)
        candle_ms = int(context.matrix.open_time_ms[-1])
        earlier = _whole(context, versions, context.since_ms, candle_ms) if context.since_ms < candle_ms else []
        return earlier + _newest(context, market) + _others(context, market)

    def _follow(self, market: Market, versions: list[Version], context: ScanContext) -> None:
        """Bring the lanes to the context's candle."""
        from signals.scan.live import LiveLanes

        lanes, step = market.lanes, timeframe_ms(context.timeframe)
        candle_ms = open_ms(context.candle_open_time)
        same = lanes is not None and market.versions == versions and lanes.symbols == context.symbols
        if not same:
            market.versions = versions
            plan, market.compiled, market.plain = _plan(versions, step)
            lanes = market.lanes = LiveLanes(context.symbols, plan, step)
            lanes.rebuild(context.matrix)
        elif candle_ms in (lanes.last_ms, lanes.last_ms + step):
            if candle_ms > lanes.last_ms:
                lanes.put(_column(context.matrix))
                lanes.push(candle_ms)
            lanes.rebuild(context.matrix, {*context.touched, *lanes.young()})
        else:
            lanes.rebuild(context.matrix)


def _plan(versions: list[Version], step_ms: int) -> tuple[Any, list[Version], list[Version]]:
    """The compiled decisions, the versions they are of, and the versions that are run as they are."""
    from signals.scan.decisions import DecisionPlan, Rule, traceable

    rules = [Rule(one.rules, one.values) for one in versions]
    good, _ = traceable(rules)
    kept = [version for version, rule in zip(versions, rules, strict=True) if rule in good]
    return DecisionPlan.of(good, step_ms), kept, [version for version in versions if version not in kept]


def _column(matrix: CandleMatrix) -> tuple[np.ndarray, ...]:
    return tuple(values[:, -1] for values in (matrix.open, matrix.high, matrix.low, matrix.close, matrix.volume))


def _newest(context: ScanContext, market: Market) -> list[SignalDraft]:
    """What the steady lanes say of the newest candle."""
    lanes, closes = market.lanes, context.matrix.close[:, -1].tolist()
    anchors, larger = lanes.anchor_ms.tolist(), {}
    drafts, hits = [], lanes.hits()
    told = lanes.details([(symbol, formula) for symbol, formula, _ in hits]) if hits else []
    for (symbol, formula, side), details in zip(hits, told, strict=True):
        if formula not in larger:
            larger[formula] = lanes.larger_from(formula)
        confidence = details.pop("confidence")
        since = (anchors[symbol], larger[formula])
        version = market.compiled[formula]
        drafts.append(
            draft_make(context, symbol, version, side, confidence, details, closes[symbol], since, lanes.last_ms)
        )
    return drafts


def _others(context: ScanContext, market: Market) -> list[SignalDraft]:
    """What is said of the newest candle from whole series: by every version of lanes with little history, and by
    versions that cannot be compiled.
    """
    candle_ms = int(context.matrix.open_time_ms[-1])
    drafts = _whole(context, market.plain, candle_ms, candle_ms + 1) if market.plain else []
    groups: dict[tuple[str, ...], list[Version]] = {}
    for version, symbols in zip(market.compiled, market.lanes.pending(), strict=True):
        groups.setdefault(tuple(symbols), []).append(version)
    for symbols, versions in groups.items():
        drafts += _whole(context, versions, candle_ms, candle_ms + 1, set(symbols)) if symbols else []
    return drafts


def _whole(
    context: ScanContext, versions: list[Version], since_ms: int, until_ms: int, only: set[str] | None = None
) -> list[SignalDraft]:
    """Drafts for candles since_ms <= open time < until_ms, from whole series (of some symbols)."""
    from signals.scan.pass_cpu import lanes_compute

    symbols = [symbol for symbol in context.symbols if only is None or symbol in only]
    matrix = context.matrix.pick(symbols)
    lanes = lanes_compute(matrix, [need for one in versions for need in one.rules.indicators(one.values)])
    times = matrix.open_time_ms
    first, stop = (int(np.searchsorted(times, at)) for at in (since_ms, until_ms))
    anchors = _anchors(lanes.close, times)
    places = {symbol: place for place, symbol in enumerate(context.symbols)}
    drafts = []
    for version in versions:
        decisions = version.rules.decide(lanes, version.values)
        for row, column in np.argwhere(decisions.side[:, first:stop]).tolist():
            at = first + column
            side, details = int(decisions.side[row, at]), _details(decisions, row, at)
            numbers = (float(decisions.confidence[row, at]), details, float(lanes.close[row, at]))
            since = (int(anchors[row, at]), int(times[0]) if reads_larger(version, context) else None)
            place = places[symbols[row]]
            drafts.append(draft_make(context, place, version, side, *numbers, since, int(times[at]), lanes.backend))
    return drafts


def _anchors(close: np.ndarray, times: np.ndarray) -> np.ndarray:
    """For every candle the open time at which its unbroken stretch began; int64 (symbols, time)."""
    anchors = np.zeros(close.shape, np.int64)
    for row, present in enumerate(np.isfinite(close)):
        edges = np.flatnonzero(np.diff(np.concatenate(([False], present, [False])).astype(np.int8)))
        for begin, end in list(pairwise(edges))[::2]:
            anchors[row, begin:end] = times[begin]
    return anchors


def _details(decisions: Decisions, row: int, column: int) -> dict[str, float]:
    return {name: float(values[row, column]) for name, values in decisions.details.items()}


def reads_larger(version: Version, context: ScanContext) -> bool:
    """Whether it reads candles that are larger than the scan's own."""
    step = timeframe_ms(context.timeframe)
    return any(one.minutes * MINUTE_MS > step for one in version.rules.indicators(version.values))


def draft_make(
    context: ScanContext, place: int, version: Version, side: int, confidence: float, details: dict[str, float],
    close: float, since: tuple[int, int | None], candle_ms: int, backend: str = "cpu",
) -> SignalDraft:  # fmt: skip
    """`since`: open times of the first candle of the lane's stretch, and of the larger candles' first (None: none)."""
    inputs: dict[str, Any] = {name: value for name, value in details.items() if isfinite(value)}
    inputs["close"], inputs["anchor_ms"] = close, since[0]
    if since[1] is not None:
        inputs["larger_from_ms"] = since[1]
    reason = version.rules.reason(side, version.values, details)
    symbol = context.symbols[place]
    return SignalDraft(symbol, version.pk, SIDE_NAMES[side], confidence, reason, inputs, candle_ms, backend)
