"""The order of launches of `sweep.cu`, the same for a GPU and for the host: arrays in, figures out, bounded memory."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Event
from typing import Any, Protocol

import numpy as np

from signals.candles.matrix import CandleTable
from signals.sweep.rules import Rules
from signals.sweep.run import Figures, Market, Progress, begun, figures_put, rules_array
from signals.sweep.ticks import ticks_of

GAPS_BYTES = 24 << 20  # of averages held at once: about what a GPU keeps in its second cache
CHUNK = 1 << 20  # sets whose state is held at once
THREADS = 128


@lru_cache(maxsize=1)
def source() -> str:
    """The CUDA C text."""
    return (Path(__file__).parent / "sweep.cu").read_text(encoding="utf-8")


class Device(Protocol):
    """Where kernels run: arrays go there, functions are called by name for so many threads, arrays come back."""

    def send(self, array: np.ndarray) -> Any:
        """A copy on the device."""
        ...

    def empty(self, size: int) -> Any:
        """Room for float64 values on the device."""
        ...

    def call(self, name: str, threads: int, *given: Any) -> None:
        """Start a kernel; whole numbers are int64."""
        ...

    def fetch(self, array: Any) -> np.ndarray:
        """Back on the host."""
        ...


class Host:
    """The host's compiler in a GPU's place: for tests of the source's arithmetic."""

    def __init__(self) -> None:
        """Raises RuntimeError without a C++ compiler."""
        from signals.scan.cuda.host import library_load

        self._library = library_load(source())

    def send(self, array: np.ndarray) -> np.ndarray:
        """A copy, contiguous."""
        return np.array(array, order="C")

    def empty(self, size: int) -> np.ndarray:
        """See `Device`."""
        return np.empty(size)

    def call(self, name: str, threads: int, *given: Any) -> None:
        """All threads, one after the other."""
        from signals.scan.cuda.host import function_call

        whole = [ctypes.c_longlong(one) if isinstance(one, int) else one for one in given]
        function_call(getattr(self._library, name), whole)

    def fetch(self, array: np.ndarray) -> np.ndarray:
        """See `Device`."""
        return array


class Gpu:
    """The first CUDA device, through CuPy."""

    def __init__(self) -> None:
        """Raises what CuPy raises without a device or a working compiler."""
        from signals.scan.cuda.compilers import OPTIONS
        from signals.scan.pass_gpu import cupy

        self._there = cupy()
        self._module = self._there.RawModule(code=source(), options=OPTIONS, backend="nvrtc")

    def send(self, array: np.ndarray) -> Any:
        """See `Device`."""
        return self._there.asarray(np.ascontiguousarray(array))

    def empty(self, size: int) -> Any:
        """See `Device`."""
        return self._there.empty(size, np.float64)

    def call(self, name: str, threads: int, *given: Any) -> None:
        """See `Device`."""
        whole = tuple(np.int64(one) if isinstance(one, int) else one for one in given)
        self._module.get_function(name)((-(-threads // THREADS),), (THREADS,), whole)

    def fetch(self, array: Any) -> np.ndarray:
        """See `Device`."""
        return np.asarray(self._there.asnumpy(array))


@dataclass(frozen=True, slots=True)
class _Sent:
    """What all chunks read, on the device."""

    sums: Any
    ticks: Any
    candles: tuple[Any, ...]  # candles, low, high, width, size, rules: as the kernels take them
    size: int


def ma_cross_sweep(
    device: Device, table: CandleTable, fast: np.ndarray, slow: np.ndarray, rules: Rules, *, stop: Event | None = None,
    progress: Progress | None = None,
) -> Figures:  # fmt: skip
    """What `signals.sweep.run.ma_cross_sweep` gives, by the device."""
    market, ticks = Market.of(table), ticks_of(np.asarray(table.close, np.float64), int(slow.max(initial=2)))
    width, size = int(market.candles.shape[1]), len(table)
    arrays = (device.send(market.candles), device.send(market.low), device.send(market.high))
    sent = _Sent(
        device.send(ticks.sums), device.send(ticks.ticks),
        (*arrays, width, size, device.send(rules_array(rules))), size,
    )  # fmt: skip
    figures, order = Figures.empty(fast.size), np.lexsort((slow, fast))
    for at in range(0, fast.size, CHUNK):
        if stop is not None and stop.is_set():
            break
        chunk = order[at : at + CHUNK]
        _chunk(device, sent, fast[chunk], slow[chunk], rules, lambda *found, c=chunk: figures_put(figures, c, *found))
        if progress is not None:
            progress(chunk.size)
    return figures


def _chunk(
    device: Device, sent: _Sent, fast: np.ndarray, slow: np.ndarray, rules: Rules, put: Callable[..., None]
) -> None:
    periods, places = np.unique(np.concatenate((fast, slow)), return_inverse=True)
    columns = [device.send(one.astype(np.int64)) for one in np.split(places.reshape(-1), 2)]
    numbers, counts = (device.send(one.T) for one in begun(fast.size, rules))
    count, sets, spans = int(periods.size), int(fast.size), device.send(periods.astype(np.int64))
    block = max(1, min(sent.size, GAPS_BYTES // (8 * count)))
    gaps, final = device.empty(block * count), device.empty(sets)
    for start in range(0, sent.size, block):
        length = min(block, sent.size - start)
        device.call("averages", count * length, sent.sums, sent.ticks, spans, count, start, length, gaps)
        device.call("ma_cross", sets, gaps, spans, count, *columns, start, length, *sent.candles, sets, numbers, counts)
    device.call("ended", sets, *sent.candles, sets, numbers, counts, final)
    put(device.fetch(final), device.fetch(numbers).T, device.fetch(counts).T)
