"""Where signals come from. The strategies are one source; rooms above register theirs in AppConfig.ready."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from signals.candles.matrix import CandleMatrix


@dataclass(frozen=True, slots=True)
class ScanContext:
    """What a source sees: closed candles of all scanned symbols, up to and including `candle_open_time`.

    `touched` are the symbols of which an earlier candle has come late or changed since the context before this one: who
    keeps state of a lane builds it anew. `since_ms` is the open time from which drafts are wanted: at a first scan
    earlier than the newest candle, so that the page is not empty (such older signals are shown, never traded). A source
    may answer for the newest only.
    """

    exchange: str
    timeframe: str
    candle_open_time: datetime
    symbols: tuple[str, ...]
    matrix: CandleMatrix
    since_ms: int
    touched: frozenset[str] = frozenset()


class SignalDraft(NamedTuple):
    """What a source says of one symbol. side is "buy" or "sell", confidence 0..1, inputs are JSON values.

    `candle_open_ms` None means the context's own candle; `backend` is where its numbers were computed.
    """

    symbol: str
    strategy_id: int
    side: str
    confidence: float
    reason: str
    inputs: dict[str, Any]
    candle_open_ms: int | None = None
    backend: str = "cpu"


class SignalSource(Protocol):
    """Anything that turns a scan's candles into drafts."""

    name: str

    def drafts(self, context: ScanContext) -> list[SignalDraft]:
        """Drafts for the candles of the context that this source has something to say of."""


_sources: dict[str, SignalSource] = {}


def register(source: SignalSource) -> None:
    """Add a source (or replace the one of the same name)."""
    _sources[source.name] = source


def unregister(name: str) -> None:
    """Take a source away; nothing happens when it is not there."""
    _sources.pop(name, None)


def sources() -> list[SignalSource]:
    """All sources in the order they were registered."""
    return list(_sources.values())
