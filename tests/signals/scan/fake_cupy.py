"""CuPy as far as the GPU pass uses it, on the host: arrays are NumPy's, a kernel is what g++ made of the same source.
It can be short of memory and fail at chosen calls.
"""

import ctypes
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np

from signals.scan.cuda import host


class OutOfMemoryError(MemoryError):
    """What CuPy raises when the device is full."""


class FakeArray(np.ndarray):
    """An array "on the device"."""

    def get(self, out: np.ndarray | None = None) -> np.ndarray:
        if out is None:
            return np.array(self)
        assert out.shape == self.shape and out.dtype == self.dtype and out.flags.c_contiguous
        out[...] = self
        return out


class FakeCupy:
    """`fails` maps "launch" or "device" to the numbers of the calls (from 1) that raise."""

    def __init__(self, free: int = 1 << 30, devices: int = 1) -> None:
        self.free, self.devices = free, devices
        self.fails: dict[str, set[int]] = {}
        self.wrong = 0.0  # added to what the kernels compute
        self.launches: list[tuple[str, int, int]] = []
        self.released, self.calls = 0, 0
        self.__version__ = "0"
        known = {"name": b"Fake", "major": 7, "minor": 5, "multiProcessorCount": 40, "clockRate": 1_590_000}
        runtime = SimpleNamespace(
            getDeviceCount=lambda: self.devices,
            memGetInfo=lambda: (self.free, self.free),
            driverGetVersion=lambda: 12090,
            getDeviceProperties=lambda _device: known,
        )
        waiting = SimpleNamespace(synchronize=lambda: None)
        self.cuda = SimpleNamespace(runtime=runtime, Device=lambda: waiting, Stream=nullcontext)

    def zeros(self, shape, dtype) -> FakeArray:
        return np.zeros(shape, dtype).view(FakeArray)

    def empty(self, shape, dtype) -> FakeArray:
        return np.full(shape, 123.456, dtype).view(FakeArray)

    def asarray(self, array) -> FakeArray:
        return np.array(array, order="C").view(FakeArray)

    def get_default_memory_pool(self) -> SimpleNamespace:
        def release() -> None:
            self.released += 1

        return SimpleNamespace(free_bytes=lambda: 0, free_all_blocks=release)

    def RawModule(self, *, code, options, backend) -> SimpleNamespace:
        assert "--fmad=false" in options and backend == "nvrtc"
        return SimpleNamespace(get_function=lambda name: self._launcher(code, name))

    def _launcher(self, code: str, name: str):
        def launch(grid, block, arguments) -> None:
            self.calls += 1
            held = sum(one.nbytes for one in arguments if isinstance(one, np.ndarray))
            if held > self.free or self.calls in self.fails.get("launch", ()):
                raise OutOfMemoryError(f"Out of memory allocating {held:,} bytes")
            count, lanes = int(arguments[8]), int(arguments[11])
            assert grid[0] * block[0] >= lanes and grid[1] == count
            given = [one if isinstance(one, np.ndarray) else ctypes.c_longlong(int(one)) for one in arguments]
            host.function_call(getattr(host.library_load(code), name), given)
            arguments[2][...] += self.wrong
            self.launches.append((name, lanes, held))

        return launch
