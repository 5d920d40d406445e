"""An aggregate made again: its votes with their weights of then, the threshold from the stored candles."""

from signals.candles.matrix import CandleMatrix
from signals.domain.aggregation.settings import settings_validate
from signals.domain.aggregation.thresholds import threshold_at, volatility_ratio
from signals.domain.aggregation.votes import Vote, combined, told
from signals.domain.strategies import ParameterError
from signals.explainers import Again, CannotTell
from signals.models import Signal


def aggregate_again(signal: Signal, matrix: CandleMatrix) -> Again:
    """Raises CannotTell when the settings of then are not allowed now."""
    try:
        settings = settings_validate(signal.provenance["parameters"])
    except ParameterError as error:
        raise CannotTell(f"Its settings are not allowed now: {error}") from None
    cast = [
        (one["name"], Vote(one["side"], one["confidence"], one["weight"], one["age"])) for one in signal.votes
    ]  # as they were: each voter's own signal is made again beside
    verdict = combined([vote for _, vote in cast], settings)
    ratio = volatility_ratio(matrix.close[0].tolist(), settings)
    needed = threshold_at(ratio, signal.inputs["hit_rate"], settings)
    if needed != signal.threshold:
        raise CannotTell(f"threshold: {signal.threshold!r} stored, {needed!r} now (volatility ratio {ratio!r}).")
    inputs = {
        "net": verdict.net,
        "vol_ratio": ratio,
        "hit_rate": signal.inputs["hit_rate"],
        "anchor_ms": signal.provenance["anchor_ms"],
    }
    return Again(verdict.side, verdict.confidence, told(verdict, cast, needed), inputs)
