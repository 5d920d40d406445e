"""What the candle filters share: the newest valid candles of a table. Fewer than half of those asked for: missing."""

import numpy as np

from signals.candles.matrix import CandleTable
from signals.domain.selection.base import MISSING, RELAX, Candidate, MeasuredFilter, Values, Want

TIMEFRAMES = ("1h", "4h", "1d")
HALF = "; fewer than half of the candles counts as missing"


def recent(table: CandleTable, count: int) -> CandleTable:
    """The newest `count` candles whose high, low and close are finite and above 0; empty when fewer than half are."""
    newest = table.where(slice(max(len(table) - count, 0), None))
    prices = np.stack((newest.high, newest.low, newest.close))
    with np.errstate(invalid="ignore"):
        valid = newest.where((np.isfinite(prices) & (prices > 0.0)).all(axis=0))
    return valid if len(valid) >= max(2, -(-count // 2)) else CandleTable.empty()


class CandleFilter(MeasuredFilter):
    """A measured filter whose number comes from `days` daily candles."""

    missing = MeasuredFilter.missing + HALF

    def wants(self, values: Values) -> Want | None:
        """So many daily candles."""
        return Want("1d", int(values["days"]))

    def unknown(self, candidate: Candidate, values: Values) -> str:
        """Too few candles."""
        want = self.wants(values)
        return f"{self.title}: too few {want.timeframe} candles." if want else f"{self.title}: no data in the ticker."


COMMON = (*RELAX, MISSING)
