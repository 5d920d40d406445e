"""The aggregate: for every symbol that somebody spoke of, all votes together become one signal (or a refusal)."""

import logging
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import F, Window
from django.db.models.functions import RowNumber

from accounts.clock import now
from signals.candles.matrix import CandleMatrix
from signals.domain.aggregation.settings import KIND, NAME, Settings, settings_validate
from signals.domain.aggregation.thresholds import hit_rate, threshold_at, volatility_ratio
from signals.domain.aggregation.votes import Verdict, Vote, combined, told
from signals.domain.strategies import ParameterError
from signals.domain.timeframes import open_ms, timeframe_ms
from signals.models import Instrument, Outcome, RefusedSignal, Scan, Signal, SourceWeight, Strategy
from signals.scan.backend import CPU
from signals.services.emission import Gate

RECENT = 20  # closed trades of a symbol that its hit rate is of
MEMORY = timedelta(days=30)  # older trades are forgotten
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Aggregator:
    """The version in force with its settings."""

    strategy: Strategy
    settings: Settings


def aggregator_current() -> Aggregator | None:
    """The enabled version of the aggregate (made when there is none of the kind); None when staff disabled it."""
    rows = list(Strategy.objects.filter(kind=KIND).order_by("-enabled", "-version")[:1])
    row = rows[0] if rows else _made()
    if not row.enabled:
        return None
    try:
        return Aggregator(row, settings_validate(row.parameters))
    except ParameterError as error:
        log.error("There is no aggregate: %s: %s", row, error)
        return None


def _made() -> Strategy:
    defaults = {"kind": KIND, "parameters": settings_validate({})}
    return Strategy.objects.get_or_create(name=NAME, version=1, defaults=defaults)[0]


def reach(made: Aggregator, timeframe: str) -> timedelta:
    """How far before a candle votes and cooldowns look."""
    names = ("vote_candles", "cooldown_candles", "source_cooldown_candles")
    return timedelta(milliseconds=timeframe_ms(timeframe)) * max(int(made.settings[name]) for name in names)


@dataclass(slots=True)
class _Market:
    """What the aggregate needs to know of the symbols that were spoken of."""

    scan: Scan
    matrix: CandleMatrix
    made: Aggregator
    weights: dict[str, float]
    hits: dict[int, float]
    votes: dict[int, list[Signal]]
    instruments: dict[int, Instrument]


def signals_aggregate(
    *, scan: Scan, matrix: CandleMatrix, made: Aggregator, fresh: list[Signal], stored: list[Signal], gate: Gate,
    strategies: dict[int, Strategy],
) -> list[Signal]:  # fmt: skip
    """Aggregate signals for every (symbol, candle) of `fresh`, unsaved, oldest first; refusals go to the gate.

    `stored` are the signals of the candles before (and of these, where the scan is repeated): they count as votes as
    they were stored. Only enabled versions vote.
    """
    votes: dict[tuple[int, int, datetime], Signal] = {}
    for row in [*fresh, *stored]:
        if strategies[row.strategy_id].enabled and strategies[row.strategy_id].kind != KIND:
            votes[row.instrument_id, row.strategy_id, row.candle_open_time] = row
    by_instrument: dict[int, list[Signal]] = defaultdict(list)
    for row in votes.values():
        by_instrument[row.instrument_id].append(row)
    instruments = {row.instrument_id: row.instrument for row in fresh}
    market = _Market(
        scan, matrix, made, _weights(scan), _hits(scan, instruments), by_instrument, instruments
    )  # fmt: skip
    moments = sorted({(row.candle_open_time, row.instrument_id) for row in fresh})
    found = []
    for at, instrument_id in moments:
        said = _aggregated(market, instrument_id, at, strategies, gate)
        if said is not None and gate.passes(said, made.strategy, int(made.settings["cooldown_candles"])):
            found.append(said)
    return found


def _weights(scan: Scan) -> dict[str, float]:
    rows = SourceWeight.objects.filter(exchange=scan.exchange, timeframe=scan.timeframe)
    return dict(rows.values_list("name", "weight"))


def _hits(scan: Scan, instruments: dict[int, Instrument]) -> dict[int, float]:
    """Hit rate of each symbol over its newest closed trades."""
    place = Window(RowNumber(), partition_by="instrument_id", order_by=[F("closed_at").desc(), F("pk").desc()])
    rows = Outcome.objects.filter(instrument__in=instruments, timeframe=scan.timeframe, closed_at__gt=now() - MEMORY)
    returns: dict[int, list[float]] = defaultdict(list)
    for instrument_id, value in (
        rows.annotate(place=place).filter(place__lte=RECENT).values_list("instrument_id", "return_net")
    ):
        returns[instrument_id].append(value)
    return {pk: hit_rate(sum(r > 0 for r in got), sum(r <= 0 for r in got)) for pk, got in returns.items()}


def _aggregated(
    market: _Market, instrument_id: int, at: datetime, strategies: dict[int, Strategy], gate: Gate
) -> Signal | None:
    """The signal before blacklist and cooldown; None when the votes say nothing (below the threshold: a refusal)."""
    settings = market.made.settings
    cast = _cast(market, instrument_id, at, strategies)
    verdict = combined([vote for _, vote in cast], settings)
    if not any(vote.side == verdict.side and vote.age == 0 for _, vote in cast):
        return None
    row, needed = _row(market, instrument_id, at, verdict, cast, strategies)
    if verdict.confidence < needed:
        gate.refuse(row, RefusedSignal.Rule.THRESHOLD, row.reason)
        return None
    return row


def _cast(
    market: _Market, instrument_id: int, at: datetime, strategies: dict[int, Strategy]
) -> list[tuple[Signal, Vote]]:
    """The newest vote of each source, those that are too old left out; ordered by source."""
    step = timedelta(milliseconds=timeframe_ms(market.scan.timeframe))
    newest: dict[str, tuple[Signal, Vote]] = {}
    for row in sorted(market.votes[instrument_id], key=lambda one: (one.candle_open_time, one.strategy_id)):
        age = (at - row.candle_open_time) // step
        if 0 <= age < market.made.settings["vote_candles"]:
            name = strategies[row.strategy_id].name
            newest[name] = (row, Vote(row.side, row.confidence, market.weights.get(name, 1.0), age))
    return [newest[name] for name in sorted(newest)]


def _row(
    market: _Market, instrument_id: int, at: datetime, verdict: Verdict, cast: list[tuple[Signal, Vote]],
    strategies: dict[int, Strategy],
) -> tuple[Signal, float]:  # fmt: skip
    """The signal, unsaved, and the confidence that it needs."""
    instrument, settings = market.instruments[instrument_id], market.made.settings
    lane = market.matrix.symbols.index(instrument.symbol)
    column = int(np.searchsorted(market.matrix.open_time_ms, open_ms(at)))
    first = max(column - int(settings["long"]), 0)
    ratio = volatility_ratio(market.matrix.close[lane, first : column + 1].tolist(), settings)
    hits = market.hits.get(instrument_id, 0.5)
    needed = threshold_at(ratio, hits, settings)
    own = next(row for row, vote in cast if vote.age == 0)
    named = [(str(strategies[row.strategy_id]), vote) for row, vote in cast]
    row = Signal(
        instrument=instrument,
        timeframe=market.scan.timeframe,
        strategy_id=market.made.strategy.pk,
        candle_open_time=at,
        side=verdict.side,
        confidence=verdict.confidence,
        reason=told(verdict, named, needed)[:240],
        close=own.close,
        threshold=needed,
        votes=[_told(row, vote, strategies[row.strategy_id]) for row, vote in cast],
        inputs={
            "net": verdict.net,
            "vol_ratio": ratio,
            "hit_rate": hits,
            "anchor_ms": int(market.matrix.open_time_ms[first]),
        },
        backend=CPU,
    )
    return row, needed


def _told(row: Signal, vote: Vote, strategy: Strategy) -> dict[str, Any]:
    return {
        "signal": str(row.public_id),
        "strategy": str(strategy.public_id),
        "source": strategy.name,
        "name": str(strategy),
        "side": vote.side,
        "confidence": vote.confidence,
        "weight": vote.weight,
        "age": vote.age,
    }
