"""A strategy's signal made again through the compiled path of the scan, with the parameters of then."""

import numpy as np

from signals.candles.matrix import FIELDS, CandleMatrix
from signals.domain.lanes import Lanes
from signals.domain.strategies import ParameterError
from signals.domain.timeframes import open_ms, timeframe_ms
from signals.explainers import Again, CannotTell, backend_for
from signals.models import Signal
from signals.scan.backend import CPU
from signals.sources import ScanContext, SignalDraft
from signals.strategy_source import StrategySource, draft_make
from signals.versions import Version, version_of


def strategy_again(signal: Signal, matrix: CandleMatrix) -> Again:
    """Raises CannotTell when the parameters of then are not allowed now."""
    try:
        version = version_of(signal.strategy, signal.provenance["parameters"])
    except ParameterError as error:
        raise CannotTell(f"Its parameters are not allowed now: {error}") from None
    lanes = _lanes(signal, matrix, version)
    values = {name: float(column[0, -1]) for name, column in lanes.columns.items() if np.isfinite(column[0, -1])}
    drafts = _said(signal, matrix, version, lanes)
    if not drafts:
        return Again("", 0.0, "Nothing is said of this candle now.", {}, values)
    one = drafts[0]
    return Again(one.side, one.confidence, one.reason, one.inputs, values)


def _said(signal: Signal, matrix: CandleMatrix, version: Version, lanes: Lanes) -> list[SignalDraft]:
    """Without larger candles: as a scan that begins at the anchor. With them own and larger candles may have begun at
    different times: the decision is made over the columns of both; so it is for a signal that was made on a GPU.
    """
    candle = signal.candle_open_time
    exchange, timeframe = signal.instrument.exchange, signal.timeframe
    context = ScanContext(exchange, timeframe, candle, matrix.symbols, matrix, open_ms(candle))
    if "larger_from_ms" not in signal.inputs and lanes.backend == CPU:
        return StrategySource().said(context, [version])
    decisions = version.rules.decide(lanes, version.values)
    if not (side := int(decisions.side[0, -1])):
        return []
    details = {name: float(values[0, -1]) for name, values in decisions.details.items()}
    numbers = (float(decisions.confidence[0, -1]), details, float(lanes.close[0, -1]))
    since = (signal.inputs["anchor_ms"], signal.inputs.get("larger_from_ms"))
    return [draft_make(context, 0, version, side, *numbers, since, open_ms(candle))]


def _lanes(signal: Signal, matrix: CandleMatrix, version: Version) -> Lanes:
    """Candles and columns; own ones from the anchor on, larger ones from where they were folded from."""
    from signals.scan.contexts import split
    from signals.scan.pass_cpu import lanes_compute

    wanted = version.rules.indicators(version.values)
    step = timeframe_ms(signal.timeframe)
    _, larger = split(wanted, step)
    late = [one for group in larger.values() for one in group]
    on, close = backend_for(signal), [one for one in wanted if one not in late]
    own = lanes_compute(_since(matrix, signal.inputs["anchor_ms"]), close, on=on)
    if not late:
        return own
    both = lanes_compute(_since(matrix, signal.inputs["larger_from_ms"]), late, on=on)
    length = min(own.close.shape[1], both.close.shape[1])
    own, both = own.last(length), both.last(length)
    return Lanes(own.open, own.high, own.low, own.close, own.volume, own.columns | both.columns, own.backend)


def _since(matrix: CandleMatrix, since_ms: int) -> CandleMatrix:
    first = int(np.searchsorted(matrix.open_time_ms, since_ms))
    fields = (np.ascontiguousarray(getattr(matrix, name)[:, first:]) for name in FIELDS)
    return CandleMatrix(matrix.symbols, matrix.open_time_ms[first:], *fields)
