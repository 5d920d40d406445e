"""The champion as a source of signals: one prediction for all symbols of a scan."""

import logging
import threading
from typing import Any

import numpy as np

from mlmodels.domain.features import FEATURES, LOOKBACK, features_last, model_input, rows_usable
from mlmodels.library import LibraryMissing
from mlmodels.models import ModelVersion
from mlmodels.predictor import ModelRefused, Predictor, predictor_load
from mlmodels.selectors import champion_get, shadow_get
from signals.domain.timeframes import open_ms, timeframe_ms
from signals.sources import ScanContext, SignalDraft

log = logging.getLogger(__name__)
TOP_FACTS = 3
SPEAKING = (ModelVersion.Status.CHAMPION, ModelVersion.Status.SHADOW)


class ModelSource:
    """Drafts buys where the champion's probability reaches its threshold.

    While there is no champion the version in the shadow speaks: its signals are stored but not traded.

    A model that cannot serve is refused once, with its reason in the log and in the registry, and the scan goes on.
    """

    name = "model"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: dict[str, Predictor] = {}
        self._refused: set[str] = set()

    def drafts(self, context: ScanContext) -> list[SignalDraft]:
        """Signals of this candle, one per symbol at most."""
        lane = (context.exchange, context.timeframe)
        champion = champion_get(*lane) or shadow_get(*lane)
        if champion is None or champion.strategy_id is None:
            return []
        predictor, column = self._predictor(champion), _column(context)
        if predictor is None or column is None:
            return []
        features = features_last(context.matrix, column)
        wanted = set(context.symbols)
        symbols = list(context.matrix.symbols)
        rows = [row for row in np.flatnonzero(rows_usable(features)) if symbols[row] in wanted]
        inputs = model_input(features[rows])
        probability = predictor.predict(inputs)
        anchor_ms = int(context.matrix.open_time_ms[column - (LOOKBACK - 1)])
        return [
            draft_make(
                champion, champion.strategy_id, symbols[row], inputs[place], float(probability[place]), anchor_ms
            )
            for place, row in enumerate(rows)
            if probability[place] >= champion.threshold
        ]

    def _predictor(self, champion: ModelVersion) -> Predictor | None:
        """The loaded model, read from the registry once; only the serving ones of each lane are kept."""
        key = str(champion.public_id)
        with self._lock:
            if key not in self._loaded and key not in self._refused:
                self._load(key, champion)
            return self._loaded.get(key)

    def _load(self, key: str, champion: ModelVersion) -> None:
        try:
            loaded = predictor_load(champion.artifact, champion.artifact_sha256, champion.features, FEATURES)
        except (ModelRefused, LibraryMissing) as error:
            self._refused.add(key)
            log.error("%s cannot serve: %s", champion, error)
            ModelVersion.objects.filter(pk=champion.pk).update(status_reason=f"Cannot serve: {error}"[:400])
            return
        speaking = ModelVersion.objects.filter(status__in=SPEAKING).values_list("public_id", flat=True)
        alive = {str(public_id) for public_id in speaking}
        self._loaded = {name: kept for name, kept in self._loaded.items() if name in alive} | {key: loaded}


def _column(context: ScanContext) -> int | None:
    """Column of the scanned candle in the matrix, or None when the candles behind it are too few or have a gap."""
    times = np.asarray(context.matrix.open_time_ms)
    column = int(np.searchsorted(times, open_ms(context.candle_open_time)))
    first = column - (LOOKBACK - 1)
    if first < 0 or column >= len(times) or times[column] != open_ms(context.candle_open_time):
        return None
    whole = times[column] - times[first] == (LOOKBACK - 1) * timeframe_ms(context.timeframe)
    return column if whole else None


def draft_make(
    champion: ModelVersion, strategy_id: int, symbol: str, row: Any, probability: float, anchor_ms: int
) -> SignalDraft:
    """One buy, with all that is needed to compute its probability again; `anchor_ms` opens the first candle it saw."""
    values = {name: float(value) for name, value in zip(FEATURES, row, strict=True)}
    top = list(champion.report.get("importance", values))[:TOP_FACTS]
    facts = ", ".join(f"{name.replace('_', ' ')} {values[name]:.3g}" for name in top if name in values)
    odds = f"{probability:.0%} for a gain after costs, {champion.threshold:.0%} needed"
    shadow = " (in the shadow, not traded)" if champion.status == ModelVersion.Status.SHADOW else ""
    return SignalDraft(
        symbol=symbol,
        strategy_id=strategy_id,
        side="buy",
        confidence=probability,
        reason=f"Model v{champion.version}{shadow}: {odds}; {facts}"[:240],
        inputs={
            "model": str(champion.public_id),
            "model_version": champion.version,
            "probability": probability,
            "threshold": champion.threshold,
            "features": values,
            "anchor_ms": anchor_ms,
        },
    )
