"""Which coins move together, measured from stored candles and kept with each instrument (`Instrument.group`)."""

import logging

import numpy as np
from django.conf import settings

from signals.candles.matrix import CandleTable
from signals.candles.store import CandleFileDamaged, history_read, matrix_of
from signals.domain.correlation import correlations, groups_of, returns_of
from signals.models import Instrument

CANDLES = 10_000  # newest ones of each symbol
log = logging.getLogger(__name__)


def groups_measure(*, exchange: str) -> int:
    """Measure the groups of an exchange's scanned symbols anew; returns how many instruments changed.

    From the shortest timeframe that is scanned. Instruments that are not scanned any more keep what was known.
    """
    rows = list(Instrument.objects.filter(exchange=exchange, selected=True).order_by("-volume_quote_24h", "symbol"))
    close = _closes(rows, settings.XRAY_TIMEFRAMES[0])
    if close.shape[1] == 0:
        return 0
    changed = []
    for row, leader in zip(rows, groups_of(correlations(returns_of(close))), strict=True):
        group = "" if leader is None else rows[leader].base
        if row.group != group:
            row.group = group
            changed.append(row)
    Instrument.objects.bulk_update(changed, ["group"], batch_size=500)
    return len(changed)


def _closes(rows: list[Instrument], timeframe: str) -> np.ndarray:
    """Closes of all symbols on one grid, NaN where there is none; a series that cannot be read has none."""
    tables, symbols = [], []
    for row in rows:
        try:
            tables.append(history_read(exchange=row.exchange, symbol=row.symbol, timeframe=timeframe, limit=CANDLES))
        except CandleFileDamaged as error:
            log.warning("%s is left out of the groups: %s", row.symbol, error)
            tables.append(CandleTable.empty())
        symbols.append(row.symbol)
    return matrix_of(tuple(symbols), tables, CANDLES).close
