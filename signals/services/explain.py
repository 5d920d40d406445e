"""A stored signal made again from the stored candles, and compared bit for bit."""

import struct
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from signals.candles.fingerprint import table_hash
from signals.candles.matrix import FIELDS, CandleMatrix, CandleTable
from signals.candles.store import history_read
from signals.domain.aggregation.settings import KIND
from signals.domain.strategies import REGISTRY
from signals.domain.timeframes import open_ms, open_time, timeframe_ms
from signals.explainers import Again, CannotTell, backend_for, explainer_of
from signals.models import Signal
from signals.scan.backend import CPU
from signals.services.explain_aggregate import aggregate_again
from signals.services.explain_strategy import strategy_again
from signals.services.provenance import revisions_of

ALL_SAME = "the same, bit for bit"


@dataclass(slots=True)
class Explanation:
    """What was stored, what comes out now, and every difference in words. `same` when there is none."""

    signal: dict[str, Any]
    candles: dict[str, Any] = field(default_factory=dict)
    stored: dict[str, Any] = field(default_factory=dict)
    again: dict[str, Any] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)
    votes: list[dict[str, Any]] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    @property
    def same(self) -> bool:
        """Everything came out as it was stored."""
        return not self.differences

    @property
    def verdict(self) -> str:
        """One line."""
        return ALL_SAME if self.same else f"{len(self.differences)} differences"

    def as_json(self) -> dict[str, Any]:
        """For the command, the API and the admin."""
        return asdict(self) | {"same": self.same, "verdict": self.verdict}


def signal_explain(*, signal: Signal) -> Explanation:
    """Make `signal` again on its backend from the stored candles and compare. Stores nothing."""
    told = Explanation(signal=_facts(signal), stored=_stored(signal), votes=signal.votes)
    if not signal.provenance:
        told.differences.append("It was stored before candle hashes were kept: there is nothing to compare it with.")
        return told
    table = _candles(signal)
    told.candles = _compared(signal, table, told.differences)
    if signal.backend != backend_for(signal):
        told.differences.append(f"It was made on {signal.backend}, which is not here: made again on {CPU}.")
    try:
        again = _again(signal, _matrix(signal, table))
    except CannotTell as reason:
        told.differences.append(str(reason))
        return told
    told.again, told.values = _as_stored(again), again.values
    told.differences += _differences(told.stored, told.again)
    told.differences += [line for vote in signal.votes for line in _vote_again(vote)]
    return told


def _facts(signal: Signal) -> dict[str, Any]:
    return {
        "id": str(signal.public_id),
        "exchange": signal.instrument.exchange,
        "symbol": signal.instrument.symbol,
        "timeframe": signal.timeframe,
        "candle_open_time": signal.candle_open_time.isoformat(),
        "strategy": str(signal.strategy),
        "kind": signal.strategy.kind,
        "parameters": signal.provenance.get("parameters", {}),
        "reason": signal.reason,
        "threshold": signal.threshold,
        "backend": signal.backend,
    }


def _stored(signal: Signal) -> dict[str, Any]:
    return {"side": signal.side, "confidence": signal.confidence, "reason": signal.reason, **signal.inputs}


def _as_stored(again: Again) -> dict[str, Any]:
    return {"side": again.side, "confidence": again.confidence, "reason": again.reason[:240], **again.inputs}


def _candles(signal: Signal) -> CandleTable:
    return history_read(
        exchange=signal.instrument.exchange,
        symbol=signal.instrument.symbol,
        timeframe=signal.timeframe,
        since_ms=signal.provenance["anchor_ms"],
        until_ms=open_ms(signal.candle_open_time) + 1,
    )


def _compared(signal: Signal, table: CandleTable, differences: list[str]) -> dict[str, Any]:
    """Facts of the candles then and now; a change is told with the revisions."""
    then, symbol = signal.provenance, signal.instrument.symbol
    revisions = revisions_of(signal.instrument.exchange, signal.timeframe, [signal.instrument])
    now = {"candles_hash": table_hash(table), "candles": len(table), "revision": revisions.get(symbol, 0)}
    anchor = f"{open_time(then['anchor_ms']):%Y-%m-%d %H:%M} UTC"
    if now["candles"] < then["candles"]:
        gone = then["candles"] - now["candles"]
        differences.append(f"{gone} of the {then['candles']} candles from the anchor ({anchor}) on are not stored now.")
    elif now["candles_hash"] != then["candles_hash"]:
        revised = f"revision {then['revision']} then, {now['revision']} now"
        differences.append(f"Its candles were changed since ({revised}; {then['candles']} candles from {anchor} on).")
    names = ("candles_hash", "candles", "revision")
    return {"anchor": anchor, "then": {name: then[name] for name in names}, "now": now}


def _matrix(signal: Signal, table: CandleTable) -> CandleMatrix:
    """The table on its whole time grid, from the anchor to the candle; NaN where a candle is missing."""
    step, first = timeframe_ms(signal.timeframe), int(signal.provenance["anchor_ms"])
    times = np.arange(first, open_ms(signal.candle_open_time) + 1, step, dtype=np.int64)
    values = np.full((len(FIELDS), 1, times.size), np.nan)
    for place, name in enumerate(FIELDS):
        values[place, 0, (table.open_time_ms - first) // step] = getattr(table, name)
    return CandleMatrix((signal.instrument.symbol,), times, *values)


def _again(signal: Signal, matrix: CandleMatrix) -> Again:
    kind = signal.strategy.kind
    if kind == KIND:
        return aggregate_again(signal, matrix)
    if kind in REGISTRY:
        return strategy_again(signal, matrix)
    if explainer := explainer_of(kind):
        return explainer(signal, matrix)
    raise CannotTell(f"Nothing here can make a signal of kind {kind!r} again.")


def _vote_again(vote: dict[str, Any]) -> list[str]:
    """Differences of a vote: its signal must be there, as it voted, and come out the same itself."""
    voter = Signal.objects.select_related("instrument", "strategy").filter(public_id=vote["signal"]).first()
    if voter is None:
        return [f"The vote of {vote['name']} is not stored any more."]
    lines = []
    if (voter.side, voter.confidence) != (vote["side"], vote["confidence"]):
        lines.append(f"{vote['name']} voted {vote['side']} {vote['confidence']!r}; stored is {voter.side}.")
    return lines + [f"Vote of {vote['name']}: {line}" for line in signal_explain(signal=voter).differences]


def _differences(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    missing = object()
    names = [*then, *(name for name in now if name not in then)]
    return [
        f"{name}: {then.get(name)!r} stored, {now.get(name)!r} now."
        for name in names
        if not _equal(then.get(name, missing), now.get(name, missing))
    ]


def _equal(one: Any, other: Any) -> bool:
    """Equal to the last bit: 0.0 is not -0.0, and a missing value equals nothing else."""
    if isinstance(one, float) and isinstance(other, float):
        return struct.pack("<d", one) == struct.pack("<d", other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[name], other[name]) for name in one)
    return type(one) is type(other) and bool(one == other)
