"""Storing signals: each once, by (instrument, timeframe, strategy version, candle open time)."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from accounts.clock import now
from signals.candles.matrix import CandleMatrix
from signals.domain.timeframes import open_ms, open_time
from signals.models import Instrument, RefusedSignal, Scan, Signal, Strategy
from signals.services.aggregation import Aggregator, aggregator_current, reach, signals_aggregate
from signals.services.emission import Gate
from signals.services.provenance import provenance_add
from signals.sources import SignalDraft

SIDES = ("buy", "sell")
COLUMNS = (
    "id", "public_id", "instrument_id", "timeframe", "strategy_id", "candle_open_time", "side", "confidence", "reason",
    "close", "inputs", "threshold", "votes", "provenance", "backend", "created_at",
)  # fmt: skip


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
    maker = _Rows(scan, matrix, instruments, since_ms)
    rows = [maker.row(draft) for draft in drafts]
    return [row for row in rows if row is not None]


class _Rows:
    """Turns a scan's drafts into rows; what they share is worked out once."""

    def __init__(self, scan: Scan, matrix: CandleMatrix, instruments: dict[str, Instrument], since_ms: int) -> None:
        self.matrix, self.since_ms, self.timeframe = matrix, since_ms, scan.timeframe
        self.newest_ms, self.moment = open_ms(scan.candle_open_time), now()
        self.keys = {symbol: one.pk for symbol, one in instruments.items()}
        self.places = {symbol: row for row, symbol in enumerate(matrix.symbols)}
        self.columns: dict[int, tuple[datetime, np.ndarray | None]] = {}

    def row(self, draft: SignalDraft) -> Signal | None:
        """The signal; None of a draft that cannot be true."""
        candle_ms = self.newest_ms if draft.candle_open_ms is None else draft.candle_open_ms
        key, place = self.keys.get(draft.symbol), self.places.get(draft.symbol)
        believable = draft.side in SIDES and 0.0 <= draft.confidence <= 1.0 and candle_ms >= self.since_ms
        if key is None or place is None or not believable:
            return None
        if candle_ms not in self.columns:
            self.columns[candle_ms] = (open_time(candle_ms), self._closes(candle_ms))
        opened, closes = self.columns[candle_ms]
        price = 0.0 if closes is None else float(closes[place])
        if not 0.0 < price < float("inf"):
            return None
        columns: Any = (
            None,
            uuid.uuid4(),
            key,
            self.timeframe,
            draft.strategy_id,
            opened,
            draft.side,
            draft.confidence,
            draft.reason[:240],
            Decimal(repr(price)),  # as the exchange printed it
            draft.inputs,
            draft.inputs.get("threshold"),
            [],
            {},
            draft.backend,
            self.moment,
        )
        return Signal(*columns)  # in the order of `COLUMNS`: Django takes three times as long over keywords

    def _closes(self, candle_ms: int) -> np.ndarray | None:
        """Of every symbol; None where the matrix has no such candle."""
        times = self.matrix.open_time_ms
        at = int(np.searchsorted(times, candle_ms))
        return self.matrix.close[:, at] if at < times.size and times[at] == candle_ms else None
