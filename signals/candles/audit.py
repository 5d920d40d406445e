"""What is wrong with the month files of one series: found by looking at every row of every file."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from signals.candles.cleaning import problems_of
from signals.candles.files import parts_of, symbol_folder
from signals.candles.holes import Range
from signals.candles.matrix import CandleTable
from signals.candles.months import CandleFileDamaged, month_verify, ordered
from signals.candles.store import month_paths

SET_ASIDE = ".damaged"


@dataclass(slots=True)
class Audit:
    """The good candles' open times and everything that is wrong; `files` are the ones to be written anew."""

    times: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    problems: Counter[str] = field(default_factory=Counter)
    damaged: dict[Path, str] = field(default_factory=dict)
    files: dict[Path, CandleTable] = field(default_factory=dict)
    misplaced: list[CandleTable] = field(default_factory=list)
    parts: list[Path] = field(default_factory=list)
    lost_months: list[Range] = field(default_factory=list)  # set aside by a repair, and not fetched again

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong with the files (holes and the manifest are looked at elsewhere)."""
        return not (self.problems or self.damaged or self.parts)


def series_audit(exchange: str, symbol: str, timeframe: str, step: int, now_ms: int) -> Audit:
    """Look at all files of a series. `step` is the timeframe in ms."""
    audit, times = Audit(parts=parts_of(symbol_folder(exchange, timeframe, symbol))), []
    for path in month_paths(exchange, symbol, timeframe):
        try:
            rows = month_verify(path)
        except CandleFileDamaged as error:
            audit.damaged[path] = error.reason
            continue
        times.append(_file_audit(audit, path, rows, step, now_ms))
    audit.lost_months = _lost_months(symbol_folder(exchange, timeframe, symbol))
    audit.times = np.unique(np.concatenate(times)) if times else audit.times
    return audit


def _file_audit(audit: Audit, path: Path, rows: CandleTable, step: int, now_ms: int) -> np.ndarray:
    problems = problems_of(rows, step, now_ms)
    months = rows.open_time_ms.astype("datetime64[ms]").astype("datetime64[M]")
    elsewhere = months != np.datetime64(path.stem)
    bad = np.logical_or.reduce(list(problems.values()))
    steps = np.diff(rows.open_time_ms)
    counts = {name: int(mask.sum()) for name, mask in problems.items()}
    counts |= {"duplicated": len(rows) - np.unique(rows.open_time_ms).size, "unsorted": int((steps < 0).sum())}
    counts |= {"wrong_month": int(elsewhere.sum()), "empty_file": int(len(rows) == 0)}
    found = {name: count for name, count in counts.items() if count}
    audit.problems.update(found)
    good = ordered(rows.where(~bad))
    if found:
        at_home = good.open_time_ms.astype("datetime64[ms]").astype("datetime64[M]") == np.datetime64(path.stem)
        audit.files[path] = good.where(at_home)
        audit.misplaced += [good.where(~at_home)] if not at_home.all() else []
    return good.open_time_ms


def _lost_months(folder: Path) -> list[Range]:
    names = {path.name.split(".")[0] for path in folder.glob(f"????-??.parquet{SET_ASIDE}-*")}
    lost = [np.datetime64(name, "M") for name in sorted(names) if not (folder / f"{name}.parquet").exists()]
    return [(_ms(month), _ms(month + 1)) for month in lost]


def _ms(month: np.datetime64) -> int:
    return int(month.astype("datetime64[ms]").astype(np.int64))
