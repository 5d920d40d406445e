"""Where passes are computed: on the GPU when there is one that gives the CPU's values, else on the CPU.

Chosen once a process, at its first pass; `XRAY_SCAN_BACKEND` overrides it. A GPU that fails in a pass loses that pass
to the CPU and is left alone for a while, longer each time in a row; whoever registers with `on_fallback` is told.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from django.conf import settings

from accounts.clock import now

if TYPE_CHECKING:  # compiled code is loaded with the first pass, not with Django
    from signals.scan.decisions import DecisionPlan
    from signals.scan.panel import Panel
    from signals.scan.plan import Plan

CPU, GPU = "cpu", "gpu"
FIRST_REST, LONGEST_REST = timedelta(minutes=1), timedelta(hours=1)
log = logging.getLogger(__name__)
_lock = threading.Lock()
_listeners: list[Callable[[str, timedelta], object]] = []
_choosers: list[Callable[[str, str], object]] = []


class GpuMissing(RuntimeError):
    """A pass was asked for on the GPU and there is none that can be used."""


class Computed(NamedTuple):
    """What a pass gave, and on which backend."""

    values: np.ndarray
    backend: str


@dataclass(slots=True)
class Choice:
    """The backend of this process and why; after failures the GPU rests until a moment."""

    backend: str
    why: str
    failures: int = 0
    rests_until: datetime | None = None


_choice: Choice | None = None


def columns_compute(
    panel: "Panel", plan: "Plan", *, out: np.ndarray | None = None, threads: int | None = None, on: str | None = None
) -> Computed:
    """Every column of the plan (see `pass_cpu.columns_compute`). `on` forces a backend: raises GpuMissing, or what the
    GPU raises, instead of falling back.
    """
    return _pass("columns_compute", on, panel, plan, out=out, threads=threads)


def masks_compute(
    panel: "Panel", decisions: "DecisionPlan", *, threads: int | None = None, on: str | None = None
) -> Computed:
    """Buys and sells of every formula (see `decisions.masks_compute`); `on` as in `columns_compute`."""
    decisions.require_own_candles()
    return _pass("masks_compute", on, panel, decisions, threads=threads)


def backend_choose() -> Choice:
    """The backend of this process, chosen at the first call."""
    global _choice
    with _lock:
        if _choice is None:
            _choice = _chosen(settings.XRAY_SCAN_BACKEND)
            log.log(
                logging.INFO if _choice.backend == GPU else logging.DEBUG,
                "Scans are computed on the %s: %s", _choice.backend, _choice.why,
            )  # fmt: skip
            _tell(_choosers, _choice.backend, _choice.why)
        return _choice


def backend_forget() -> None:
    """Choose again at the next pass."""
    global _choice
    _choice = None


def on_fallback(callback: Callable[[str, timedelta], object]) -> None:
    """Call `callback(reason, rest)` whenever a pass of the GPU is done by the CPU in its place."""
    if callback not in _listeners:
        _listeners.append(callback)


def on_choice(callback: Callable[[str, str], object]) -> None:
    """Call `callback(backend, why)` when this process chooses."""
    if callback not in _choosers:
        _choosers.append(callback)


def gpu_problem() -> str | None:
    """Why there is no GPU to use, in words; None when there is one. Heavy: it imports CuPy."""
    from signals.scan.pass_gpu import cupy

    try:
        there = cupy()
    except Exception as error:  # CuPy raises many things when a library of CUDA is not there
        return f"CuPy cannot be imported ({_short(error)}); pip install -r requirements.txt"
    try:
        count = int(there.cuda.runtime.getDeviceCount())
    except Exception as error:
        return f"CUDA finds no device ({_short(error)})"
    return None if count else "CUDA finds no device"


def _chosen(wanted: str) -> Choice:
    if wanted == CPU:
        return Choice(CPU, "XRAY_SCAN_BACKEND is cpu.")
    problem = gpu_problem() or _self_test_problem()
    if problem is None:
        return Choice(GPU, "a GPU is there and gives the CPU's values.")
    if wanted == GPU:
        log.error("The GPU is not used: %s", problem)
    return Choice(CPU, f"{problem}.")


def _self_test_problem() -> str | None:
    """Why the GPU cannot be trusted: a small panel must give the CPU's values, to the last bit."""
    from signals.candles.matrix import CandleMatrix
    from signals.domain.indicators import Indicator
    from signals.scan import pass_cpu, pass_gpu
    from signals.scan.panel import Panel
    from signals.scan.plan import Plan

    prices = 100.0 + np.sin(np.arange(18 * 80.0)).reshape(18, 80)
    matrix = CandleMatrix(tuple(map(str, range(18))), np.arange(80), prices, prices + 1.0, prices - 1.0, prices, prices)
    plan = Plan.of([Indicator("sma", (5,)), Indicator("rsi", (14,)), Indicator("bb", (20, 2))])
    panel = Panel.of(matrix)
    try:
        ours = pass_gpu.columns_compute(panel, plan)
    except Exception as error:
        return f"its first pass failed ({_short(error)})"
    same = np.array_equal(ours, pass_cpu.columns_compute(panel, plan), equal_nan=True)
    return None if same else "it gives other values than the CPU"


def _pass(name: str, on: str | None, *given: Any, **options: Any) -> Computed:
    choice = backend_choose()
    if on == GPU:
        if choice.backend != GPU:
            raise GpuMissing(f"This was computed on a GPU, and here {choice.why}")
        return Computed(_on_gpu(name)(*given, **options), GPU)
    resting = choice.rests_until is not None and now() < choice.rests_until
    if on == CPU or choice.backend == CPU or resting:
        return Computed(_on_cpu(name)(*given, **options), CPU)
    try:
        computed = Computed(_on_gpu(name)(*given, **options), GPU)
    except Exception as error:  # out of memory, a lost device, a compiler's word: whatever it is, the CPU can do it
        _rest(choice, error)
        return Computed(_on_cpu(name)(*given, **options), CPU)
    choice.failures, choice.rests_until = 0, None
    return computed


def _on_gpu(name: str) -> Callable[..., np.ndarray]:
    from signals.scan import pass_gpu

    return getattr(pass_gpu, name)  # type: ignore[no-any-return]


def _on_cpu(name: str) -> Callable[..., np.ndarray]:
    from signals.scan import decisions, pass_cpu

    return getattr(decisions if name == "masks_compute" else pass_cpu, name)  # type: ignore[no-any-return]


def _rest(choice: Choice, error: Exception) -> None:
    """Leave the GPU alone for a while and tell."""
    from signals.scan.pass_gpu import memory_release

    with _lock:
        choice.failures += 1
        rest = min(FIRST_REST * 2 ** min(choice.failures - 1, 10), LONGEST_REST)
        choice.rests_until = now() + rest
    log.warning("The GPU failed in a pass, the CPU does it: %s", error, exc_info=error)
    try:
        memory_release()
    except Exception as another:
        log.warning("The GPU's memory could not be given back: %s", another)
    _tell(_listeners, _short(error), rest)


def _tell(callbacks: list[Callable[..., object]], *said: Any) -> None:
    for callback in callbacks:
        try:
            callback(*said)
        except Exception:
            log.exception("Who is told about the backend failed; the pass goes on.")


def _short(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}"[:200] if text else type(error).__name__
