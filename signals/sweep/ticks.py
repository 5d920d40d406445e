"""Closes as whole numbers, so that averages are compared exactly.

A sweep asks one question a candle and set: is the fast average above the slow one. Rounding in float sums answers it at
random where the two are equal, which on real prices (few decimals, flat stretches) is often. So prices become whole
ticks: sums of them are exact at any length, and each average is rounded once.
"""

from dataclasses import dataclass

import numpy as np

DECIMALS = 15
PROBE = 256


@dataclass(frozen=True, slots=True)
class Ticks:
    """`ticks` int64 (time,): price = tick * unit; `sums` uint64 (time + 1,): prefix sums, modulo 2**64.

    `unit` is 10**-decimals where all closes lie on a decimal grid, else the power of two of the largest close's last
    bit (`decimals` is None then; smaller closes are rounded to it, by at most 2**-53 of the largest).
    """

    ticks: np.ndarray
    sums: np.ndarray
    unit: float
    decimals: int | None


def ticks_of(close: np.ndarray, longest: int) -> Ticks:
    """Whole numbers for closes that are finite and above zero; sums of `longest` of them stay below 2**63."""
    bits = min(int(63 - np.log2(max(longest, 1))), 53)
    decimals = _decimals(close, 2.0**bits)
    if decimals is None:
        exponent = int(np.frexp(close.max())[1]) - bits
        scaled, unit = np.rint(np.ldexp(close, -exponent)), float(np.ldexp(1.0, exponent))
    else:
        scaled, unit = np.rint(close * 10.0**decimals), 10.0**-decimals
    ticks = scaled.astype(np.int64)
    sums = np.zeros(close.size + 1, np.uint64)
    np.cumsum(ticks.view(np.uint64), out=sums[1:])
    return Ticks(ticks, sums, unit, decimals)


def _decimals(close: np.ndarray, largest: float) -> int | None:
    """The fewest decimals with which every close is exactly the float nearest to its decimal; None without one."""
    first = 0
    for part in (close[:PROBE], close):
        first = next((places for places in range(first, DECIMALS + 1) if _on_grid(part, places, largest)), -1)
        if first < 0:
            return None
    return first


def _on_grid(close: np.ndarray, places: int, largest: float) -> bool:
    whole = np.rint(close * 10.0**places)
    return bool((whole < largest).all() and (whole / 10.0**places == close).all())
