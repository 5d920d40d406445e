"""Who can make a stored signal again from its candles, by kind of strategy. Rooms above register theirs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from signals.candles.matrix import CandleMatrix
from signals.models import Signal
from signals.scan.backend import CPU, backend_choose


@dataclass(frozen=True, slots=True)
class Again:
    """The signal made anew: side "" when nothing is said now. `values` are shown beside, not compared."""

    side: str
    confidence: float
    reason: str
    inputs: dict[str, Any]
    values: dict[str, float] = field(default_factory=dict)


class CannotTell(Exception):
    """It cannot be made again here; the message says why."""


Explainer = Callable[[Signal, CandleMatrix], Again]
_explainers: dict[str, Explainer] = {}


def explainer_register(kind: str, explainer: Explainer) -> None:
    """`explainer(signal, matrix)` makes a signal of this kind again; the matrix holds its own symbol's stored candles
    from the anchor up to its candle. It raises CannotTell.
    """
    _explainers[kind] = explainer


def explainer_of(kind: str) -> Explainer | None:
    """The explainer of a kind, or of its family (what stands before a colon)."""
    return _explainers.get(kind) or _explainers.get(kind.partition(":")[0])


def backend_for(signal: Signal) -> str:
    """Where a signal is made again: on the backend that made it, or on the CPU where this process has no such one."""
    return signal.backend if signal.backend in (CPU, backend_choose().backend) else CPU
