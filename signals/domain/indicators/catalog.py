"""What indicators exist: their arguments, output columns and warm-up. Nothing heavy is imported here."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One family of indicators. `warm_up` gives, from the arguments, how many leading values are NaN."""

    name: str
    arguments: tuple[str, ...]
    columns: tuple[str, ...]
    warm_up: Callable[..., int]
    source: str


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("sma", ("period",), ("sma",), lambda n: n - 1, "mean of the last n closes (TA-Lib SMA)"),
        Kind("ema", ("period",), ("ema",), lambda n: n - 1, "k = 2 / (n + 1), seeded by SMA n (TA-Lib EMA)"),
        Kind("rsi", ("period",), ("rsi",), lambda n: n, "Wilder 1978, seeded by means of n changes (TA-Lib RSI)"),
        Kind("atr", ("period",), ("atr",), lambda n: n, "Wilder 1978, seeded by the mean of n ranges (TA-Lib ATR)"),
        Kind(
            "macd",
            ("fast", "slow", "signal"),
            ("macd", "macd_signal", "macd_hist"),
            lambda _fast, slow, signal: slow + signal - 2,
            "Appel 1979: EMA fast - EMA slow, its EMA, their difference (TA-Lib MACD)",
        ),
        Kind(
            "bb",
            ("period", "width"),
            ("bb_upper", "bb_middle", "bb_lower"),
            lambda n, _width: int(n) - 1,
            "Bollinger 1983: SMA n +- width population standard deviations (TA-Lib BBANDS, MA type 0)",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator with its arguments, such as `Indicator("macd", (12, 26, 9))`."""

    kind: str
    args: tuple[float, ...]

    def __post_init__(self) -> None:
        """Raise ValueError for an unknown kind or a wrong number of arguments."""
        if self.kind not in KINDS:
            raise ValueError(f"Unknown indicator {self.kind!r}. Known: {', '.join(KINDS)}.")
        if len(self.args) != len(KINDS[self.kind].arguments):
            raise ValueError(f"{self.kind} needs {', '.join(KINDS[self.kind].arguments)}, got {self.args}.")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of its output columns, such as `macd_12_26_9, macd_signal_12_26_9, macd_hist_12_26_9`."""
        suffix = "_".join(f"{arg:g}" for arg in self.args)
        return tuple(f"{name}_{suffix}" for name in KINDS[self.kind].columns)

    @property
    def warm_up(self) -> int:
        """How many leading values of a lane are NaN."""
        return KINDS[self.kind].warm_up(*self.args)
