"""Lanes: the candles and indicator columns of many symbols side by side, as the strategies see them."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Lanes:
    """Arrays of shape (symbols, time), oldest first; indicator columns by name, NaN where there is no value; `backend`
    computed them.
    """

    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray
    columns: dict[str, np.ndarray]
    backend: str = "cpu"

    def __getitem__(self, name: str) -> np.ndarray:
        """One indicator column."""
        return self.columns[name]

    def last(self, length: int) -> "Lanes":
        """The newest `length` candles (views, nothing is copied)."""
        cut = slice(-length, None)
        columns = {name: values[:, cut] for name, values in self.columns.items()}
        opens, high, low = self.open[:, cut], self.high[:, cut], self.low[:, cut]
        return Lanes(opens, high, low, self.close[:, cut], self.volume[:, cut], columns, self.backend)


def usable_candles(
    opens: np.ndarray, high: np.ndarray, low: np.ndarray, close: np.ndarray, volume: np.ndarray
) -> np.ndarray:
    """Bool (symbols, time): prices finite and above zero, high not below low, volume finite and not negative."""
    good = (high >= low) & (volume >= 0.0) & np.isfinite(volume)
    for prices in (opens, high, low, close):
        good &= np.isfinite(prices) & (prices > 0.0)
    return good
