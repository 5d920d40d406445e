"""Where compiled kernels are kept: beside the other data of this installation, in a folder named after their source.

numba notices a change in the file of a cached function, but not in the files of the functions it calls; a folder per
content of all kernel files makes a stale kernel impossible.
"""

import hashlib
from functools import lru_cache
from pathlib import Path

from django.conf import settings

ROOM = Path(__file__).resolve().parent.parent


def kernel_sources() -> list[Path]:
    """Every file whose content decides what the compiled kernels do."""
    names = ("vector", "memory", "quick", "build", "drive")
    return [
        *sorted((ROOM / "domain" / "indicators").glob("*.py")),
        *(ROOM / "scan" / f"{name}.py" for name in names),
        *(ROOM / "sweep" / f"{name}.py" for name in ("bits", "kernels")),
    ]


@lru_cache(maxsize=1)
def cache_prepare() -> Path:
    """Point numba at the folder for the present sources and return it. Call before a kernel module is imported."""
    from numba import config

    digest = hashlib.sha256()
    for path in kernel_sources():
        digest.update(path.read_bytes())
    folder = Path(settings.XRAY_KERNEL_DIR) / digest.hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    setattr(config, "CACHE_DIR", str(folder))  # noqa: B010  (a name numba makes at run time)
    if getattr(config, "CPU_FEATURES", None) is None:
        setattr(config, "CPU_FEATURES", _features())  # noqa: B010
    return folder


def _features() -> str | None:
    """What this processor can do, without LLVM's habit of halving vectors on some that have AVX-512: the kinds are
    nothing but wide arithmetic, and lose a third of their speed to it.
    """
    from llvmlite import binding

    there = binding.get_host_cpu_features()
    return f"{there.flatten()},-prefer-256-bit" if there.get("avx512f") else None
