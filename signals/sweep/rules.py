"""How a sweep trades: the rules that every kernel, the CUDA source and the reference simulator in the tests follow.

1. All in, long only, one symbol, from a start balance in quote currency. A buy signal while long and a sell signal
   while flat change nothing.
2. A signal of candle t is filled at the open of candle t + 1 (`next_open`; a signal of the last candle is never
   filled) or at the close of candle t (`close`).
3. A buy pays price * (1 + slippage), and its fee on top: units = cash / (paid * (1 + fee)). A sell gets
   price * (1 - slippage), less its fee: cash = units * got * (1 - fee).
4. `stop` and `take` are fractions of the paid price, watched from the fill on: in the candles after a fill at the
   close, in the candle itself and those after with a fill at the open. A candle whose low is at or under the stop
   sells at the stop, or at its open when that is under the stop already. Else one whose high is at or over the take
   sells at the take, or at its open when that is over it. The stop goes first where a candle touches both. Slippage
   applies.
   What touches a level comes before the candle's close, and after its open: a sell signal filled at that open is first.
5. Equity is marked at every close. The drawdown is the largest fall from a peak of these marks, as a fraction of the
   peak; the start balance is the first mark. A position that is still held is worth units * last close, without fee.
6. A trade is a position from entry to exit; one still held at the end is not counted and is told as `open`.

`ma_cross` compares averages of whole ticks (`signals.sweep.ticks`): each is the exact sum divided once. Above means
greater; equal is not above. The first candle that has both averages is compared with nothing, so it never trades.
"""

import math
from dataclasses import dataclass
from typing import Literal

Fill = Literal["next_open", "close"]
FILLS: tuple[Fill, ...] = ("next_open", "close")


class SweepError(ValueError):
    """A sweep that cannot be run, in words."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Fractions are fractions: a fee of 0.001 is 0.1 %. `stop` and `take` 0: none. `balance` in quote currency."""

    fee: float = 0.001
    slippage: float = 0.0
    stop: float = 0.0
    take: float = 0.0
    fill: Fill = "next_open"
    balance: float = 1000.0

    def __post_init__(self) -> None:
        """Raise SweepError for numbers that make no sense."""
        for name, value, least, most in (
            ("--fee", self.fee, 0.0, 0.5),
            ("--slippage", self.slippage, 0.0, 0.5),
            ("--stop", self.stop, 0.0, 0.999),
            ("--take", self.take, 0.0, 1000.0),
        ):
            if not math.isfinite(value) or not least <= value <= most:
                raise SweepError(f"{name} is a fraction from {least:g} to {most:g}, not {value:g}.")
        if not math.isfinite(self.balance) or self.balance <= 0:
            raise SweepError(f"--balance must be above zero, not {self.balance:g}.")
        if self.fill not in FILLS:
            raise SweepError(f"--fill is one of {', '.join(FILLS)}, not {self.fill!r}.")

    @property
    def levels(self) -> bool:
        """Whether positions have a stop or a take."""
        return self.stop > 0.0 or self.take > 0.0
