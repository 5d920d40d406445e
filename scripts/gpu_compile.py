"""Compiles the GPU's source for the architectures it is meant for, without a GPU, and prints JSON lines.

    python scripts/gpu_compile.py

Uses NVRTC, and nvcc where it is there; without NVRTC, pip's is put into a folder of its own. Exits 1 when the
source does not compile.
"""

import json
import os
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def say(**values: object) -> None:
    """Print one JSON line."""
    print(json.dumps({"figure": "gpu compile", **values}), flush=True)


def nvrtc_install(folder: Path) -> bool:
    """Put pip's NVRTC, the compiler that CuPy uses, into a folder of its own; False when that fails."""
    print("[gpu-compile] no NVRTC here; installing requirements-nvrtc.txt", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder)]
    if (uv := Path(sys.executable).with_name("uv")).exists():
        command = [str(uv), "pip", "install", "--quiet", "--target", str(folder)]
    return subprocess.run([*command, "-r", str(ROOT / "requirements-nvrtc.txt")], check=False).returncode == 0


def main() -> int:
    """Compile every kind for every architecture with every compiler that is there; the exit code."""
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xray_site.settings")
    import django

    django.setup()
    from signals.scan.cuda import compilers

    if not compilers.nvrtc_path() and not nvrtc_install(ROOT / compilers.NVRTC_FOLDER) and not compilers.nvcc_path():
        print("[gpu-compile] requirements-nvrtc.txt could not be installed; see above.", file=sys.stderr)
        return 1
    try:
        _compile_all()
    except compilers.CompileError as error:
        print(f"[gpu-compile] {error}", file=sys.stderr)
        return 1
    return 0


def _compile_all() -> None:
    from signals.domain.indicators import KINDS
    from signals.scan.cuda import compilers
    from signals.scan.cuda.work import everything_source
    from signals.sweep.cuda.launch import source as sweep_source

    library = compilers.nvrtc_path()
    for source, architecture in product((everything_source(), sweep_source()), compilers.ARCHITECTURES):
        if library:
            nvrtc, began = compilers.Nvrtc(library), time.perf_counter()
            size = len(nvrtc.compile(source, architecture))
            spent = round(time.perf_counter() - began, 2)
            say(compiler=f"NVRTC {nvrtc.version}", arch=architecture, kinds=len(KINDS), bytes=size, seconds=spent)
        if compilers.nvcc_path():
            for used in compilers.nvcc_compile(source, architecture):
                say(compiler="nvcc", arch=architecture, **vars(used))


if __name__ == "__main__":
    sys.exit(main())
