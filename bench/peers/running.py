"""Makes a peer's environment when it is missing, and runs it on arrays handed over in a file."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from scripts.bootstrap import requirements_hash

ROOT = Path(__file__).resolve().parent.parent.parent
UV = Path(sys.executable).with_name("uv")
THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class PeerError(RuntimeError):
    """A peer that could not be installed or run; the message has its last words."""


def peer_python(name: str) -> Path:
    """The interpreter of a peer's environment, made from `bench/requirements-<name>.txt` when that changed."""
    requirements, folder = ROOT / "bench" / f"requirements-{name}.txt", ROOT / f".venv-bench-{name}"
    python, marker, wanted = folder / "bin" / "python", folder / ".installed", requirements_hash(requirements)
    if not (python.exists() and marker.exists() and marker.read_text() == wanted):
        sys.stderr.write(f"[bench] installing {requirements.name}\n")
        base = f"{sys.version_info[0]}.{sys.version_info[1]}"
        _call([str(UV), "venv", "--quiet", "--clear", "--python", base, str(folder)])
        _call([str(UV), "pip", "install", "--quiet", "--python", str(python), "-r", str(requirements)])
        marker.write_text(wanted)
    return python


def peer_run(name: str, script: str, arrays: dict[str, np.ndarray], *, cores: set[int]) -> dict[str, Any]:
    """What `bench/peers/<script>.py` prints about these arrays, pinned to `cores`. Raises PeerError."""
    python = peer_python(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.npz"
        np.savez(path, **arrays)  # type: ignore[arg-type]
        command = [str(python), str(ROOT / "bench" / "peers" / f"{script}.py"), str(path)]
        said = _call(command, cwd=folder, cores=cores)
    return json.loads(said.splitlines()[-1])


def _call(command: list[str], *, cwd: str | None = None, cores: set[int] | None = None) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("XRAY_", "DJANGO_"))}
    if cores:
        environment |= dict.fromkeys(THREADS, str(len(cores)))
    process = subprocess.Popen(
        command, cwd=cwd, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    if cores:
        os.sched_setaffinity(process.pid, cores)
    out, err = process.communicate()
    if process.returncode:
        raise PeerError(f"{' '.join(command[:3])} failed:\n{err[-3000:]}")
    return out
