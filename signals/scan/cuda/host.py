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
from signals.scan.cuda.work import Work, masks_pack
from signals.scan.decisions import DecisionPlan
from signals.scan.panel import Panel, aligned
from signals.scan.plan import Plan

FLAGS = ("-O2", "-std=c++14", "-ffp-contract=off", "-shared", "-fPIC", "-Wall", "-Wno-unused")


def compiler() -> str | None:
    """The C++ compiler of this machine, None when there is none."""
    return shutil.which("g++") or shutil.which("c++") or shutil.which("clang++")


def panel_run(panel: Panel, plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """What `pass_cpu.panel_run` gives, by the GPU's source. Raises RuntimeError without a compiler."""
    state, columns, _ = _run(Work(panel, plan, None, 0, panel.blocks))
    return columns, state


def masks_compute(panel: Panel, decisions: DecisionPlan) -> np.ndarray:
    """What `decisions.masks_compute` gives, by the GPU's source."""
    return masks_pack(_run(Work(panel, decisions.plan, decisions, 0, panel.blocks))[2])


def _run(work: Work) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    state, columns = aligned(work.shapes[0], fill=0.0), aligned(work.shapes[1])
    masks = np.zeros(work.shapes[2], np.uint8)
    shared = (work.values, state, columns, masks, *work.stretches)
    for step in (*work.passes, *work.decides):
        given = work.arguments(step, shared, (step.table, step.numbers), ctypes.c_longlong)
        function_call(getattr(library_load(step.source), step.name), given)
    return state, columns, masks


def function_call(function: Any, given: list[Any]) -> None:
    """Call a host function with arrays (by address) and numbers."""
    function(*(ctypes.c_void_p(one.ctypes.data) if isinstance(one, np.ndarray) else one for one in given))


@lru_cache(maxsize=256)
def library_load(source: str) -> ctypes.CDLL:
    """A source as functions of this process."""
    return ctypes.CDLL(str(library_make(source)))


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
