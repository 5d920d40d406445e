"""The pass as the host's compiler makes it from the GPU's source: for tests of the GPU's arithmetic without a GPU."""

import ctypes
import hashlib
import os
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from signals.scan.cache import cache_prepare
from signals.scan.cuda.source import HOST, Work, plan_source
from signals.scan.panel import WIDTH, Panel, aligned
from signals.scan.plan import Plan

FLAGS = ("-O2", "-std=c++14", "-ffp-contract=off", "-shared", "-fPIC", "-Wall", "-Wno-unused")


def compiler() -> str | None:
    """The C++ compiler of this machine, None when there is none."""
    return shutil.which("g++") or shutil.which("c++") or shutil.which("clang++")


def columns_compute(panel: Panel, plan: Plan) -> np.ndarray:
    """What `pass_cpu.columns_compute` gives, by the GPU's source. Raises RuntimeError without a compiler."""
    shape = (panel.blocks, len(plan.columns), panel.rows, WIDTH)
    columns = aligned(shape)
    state = aligned((panel.blocks, max(plan.states, 1), WIDTH))
    work = Work.of(plan, panel)
    arrays = (panel.values, state, columns, work.table, work.numbers, work.stretches, work.first_stretch)
    sizes = (panel.blocks * WIDTH, panel.rows, state.shape[1], shape[1], len(plan.indicators))
    _function(plan_source(plan))(
        *(ctypes.c_void_p(array.ctypes.data) for array in arrays), *(ctypes.c_longlong(size) for size in sizes)
    )
    return columns


@lru_cache(maxsize=16)
def _function(source: str) -> Any:
    function = ctypes.CDLL(str(library_make(source)))[HOST]
    function.restype = None
    return function


def library_make(source: str) -> Path:
    """Compile a source once per content, into the kernel folder. Raises RuntimeError in the compiler's words."""
    program = compiler()
    if program is None:
        raise RuntimeError("There is no C++ compiler (g++) on this machine.")
    digest = hashlib.sha256("\n".join((source, *FLAGS)).encode()).hexdigest()[:16]
    path = cache_prepare() / f"host_{digest}.so"
    if not path.exists():
        text, part = path.with_suffix(f".{os.getpid()}.cpp"), path.with_suffix(f".{os.getpid()}.part")
        text.write_text(source, encoding="utf-8")
        made = subprocess.run(
            [program, *FLAGS, str(text), "-o", str(part)], capture_output=True, text=True, check=False
        )
        text.unlink()
        if made.returncode != 0:
            raise RuntimeError(f"The host's compiler refused the source:\n{made.stderr[:2000]}")
        part.replace(path)
    return path
