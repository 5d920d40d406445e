"""Storing signals: each once, by (instrument, timeframe, strategy version, candle open time)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from accounts.clock import now
from signals.candles.matrix import CandleMatrix
from signals.domain.timeframes import open_ms, open_time
from signals.models import Instrument, RefusedSignal, Scan, Signal, Strategy
from signals.scan.pass_cpu import BACKEND
from signals.services.aggregation import Aggregator, aggregator_current, reach, signals_aggregate
from signals.services.emission import Gate
from signals.services.provenance import provenance_add
from signals.sources import SignalDraft

SIDES = ("buy", "sell")


@dataclass(frozen=True, slots=True)
class Stored:
    """How many rows are new, ids of the signals of the scan's own candle (new or not), how many were refused."""

    created: int
    newest_ids: list[int]
    refused: int = 0


def signals_store(*, scan: Scan, matrix: CandleMatrix, drafts: list[SignalDraft], since_ms: int) -> Stored:
    """Store drafts, and the aggregate of them, as Signal rows; one that is there already is left as it is.

    Drafts that cannot be true (unknown symbol, no candle, a confidence outside 0..1) are left out, those that a
    blacklist or a cooldown forbids are stored as refused. Call it inside a transaction.
    """
    instruments = {
        one.symbol: one for one in Instrument.objects.filter(exchange=scan.exchange, symbol__in=matrix.symbols)
    }
    rows = signal_rows(scan, matrix, drafts, instruments, since_ms)
    if not rows:
        return Stored(0, [])
    rows, refused = _emitted(scan, matrix, rows, since_ms)
    RefusedSignal.objects.bulk_create(refused, ignore_conflicts=True, batch_size=500)
    return _stored(scan, rows, since_ms, len(refused))


def _emitted(
    scan: Scan, matrix: CandleMatrix, rows: list[Signal], since_ms: int
) -> tuple[list[Signal], list[RefusedSignal]]:
    """What of `rows` may be emitted, and the aggregates; and what was refused."""
    made = aggregator_current()
    stored = _stored_before(scan, rows, since_ms, made)
    strategies = {row.strategy_id: row.strategy for row in stored}
    strategies |= Strategy.objects.in_bulk({row.strategy_id for row in rows} - set(strategies))
    rows = [row for row in rows if row.strategy_id in strategies]
    gate = Gate.of(scan, stored)
    cooldown = int(made.settings["source_cooldown_candles"]) if made else 0
    by_candle = sorted(rows, key=lambda one: one.candle_open_time)
    rows = [row for row in by_candle if gate.passes(row, strategies[row.strategy_id], cooldown)]
    if made:
        strategies[made.strategy.pk] = made.strategy
        rows += signals_aggregate(
            scan=scan, matrix=matrix, made=made, fresh=rows, stored=stored, gate=gate, strategies=strategies
        )
    provenance_add(scan=scan, matrix=matrix, rows=rows, strategies=strategies)
    return rows, gate.refused


def _stored_before(scan: Scan, rows: list[Signal], since_ms: int, made: Aggregator | None) -> list[Signal]:
    since = open_time(since_ms) - (reach(made, scan.timeframe) if made else timedelta(0))
    found = Signal.objects.filter(
        instrument__in={row.instrument_id for row in rows},
        timeframe=scan.timeframe,
        candle_open_time__gte=since,
        candle_open_time__lte=scan.candle_open_time,
    )
    return list(found.select_related("instrument", "strategy"))


def _stored(scan: Scan, rows: list[Signal], since_ms: int, refused: int) -> Stored:
    ours = Signal.objects.filter(
        instrument__in={row.instrument_id for row in rows},
        timeframe=scan.timeframe,
        candle_open_time__gte=open_time(since_ms),
        candle_open_time__lte=scan.candle_open_time,
    )
    before = ours.count()
    Signal.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
    drafted = {(row.instrument_id, row.strategy_id) for row in rows if row.candle_open_time == scan.candle_open_time}
    newest = ours.filter(candle_open_time=scan.candle_open_time).values_list("pk", "instrument_id", "strategy_id")
    ids = sorted(pk for pk, instrument, strategy in newest if (instrument, strategy) in drafted)
    return Stored(ours.count() - before, ids, refused)


def signal_rows(
    scan: Scan, matrix: CandleMatrix, drafts: list[SignalDraft], instruments: dict[str, Instrument], since_ms: int
) -> list[Signal]:
    """Signals ready to be stored; drafts that cannot be true are left out."""
    places, moment = {symbol: row for row, symbol in enumerate(matrix.symbols)}, now()
    rows = (_row(scan, matrix, draft, instruments, since_ms, places, moment) for draft in drafts)
    return [row for row in rows if row is not None]


def _row(
    scan: Scan, matrix: CandleMatrix, draft: SignalDraft, instruments: dict[str, Instrument], since_ms: int,
    places: dict[str, int], moment: datetime,
) -> Signal | None:  # fmt: skip
    candle_ms = open_ms(scan.candle_open_time) if draft.candle_open_ms is None else draft.candle_open_ms
    close = _close(matrix, places.get(draft.symbol), candle_ms)
    believable = draft.side in SIDES and 0.0 <= draft.confidence <= 1.0 and candle_ms >= since_ms
    if close is None or not believable or draft.symbol not in instruments:
        return None
    return Signal(
        instrument_id=instruments[draft.symbol].pk,
        timeframe=scan.timeframe,
        strategy_id=draft.strategy_id,
        candle_open_time=open_time(candle_ms),
        side=draft.side,
        confidence=draft.confidence,
        reason=draft.reason[:240],
        close=close,
        inputs=draft.inputs,
        threshold=draft.inputs.get("threshold"),
        backend=BACKEND,
        created_at=moment,
    )


def _close(matrix: CandleMatrix, place: int | None, candle_ms: int) -> Decimal | None:
    """The candle's close, exactly as the exchange printed it; None where there is no such candle."""
    times = matrix.open_time_ms
    newest = times.size - 1 if times.size and times[-1] == candle_ms else int(np.searchsorted(times, candle_ms))
    if place is None or newest >= times.size or times[newest] != candle_ms:
        return None
    price = float(matrix.close[place, newest])
    return Decimal(repr(price)) if 0.0 < price < float("inf") else None
