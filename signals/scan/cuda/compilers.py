"""Compiling the GPU's source without a GPU, to find out that it compiles: NVRTC (what CuPy uses; pip has it) and nvcc.
Neither needs a driver or a device.
"""

import ctypes
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

ARCHITECTURES = ("sm_75", "sm_80", "sm_90")  # T4, A100, H100
NVRTC_FOLDER = ".venv-nvrtc"  # where `make gpu-compile` puts pip's NVRTC
OPTIONS = ("--fmad=false", "--std=c++14")  # no contraction: a * b + c rounds twice, as on the CPU


class CompileError(RuntimeError):
    """The compiler's own words."""


@dataclass(frozen=True)
class Usage:
    """What one kernel needs on one architecture; bytes that do not fit into registers are spilled to slow memory."""

    kernel: str
    registers: int
    spilled_bytes: int


def nvrtc_path() -> Path | None:
    """NVRTC's library: pip's beside the running Python or in NVRTC_FOLDER, else the toolkit's; None without one."""
    roots = [Path(settings.BASE_DIR) / NVRTC_FOLDER, *map(Path, sys.path)]
    places = [root / "nvidia" / name / "lib" for root in roots for name in ("cuda_nvrtc", "cu13")]
    places += [Path(nvcc).resolve().parent.parent / "lib64" for nvcc in [nvcc_path()] if nvcc]
    found = (path for place in places for path in sorted(place.glob("libnvrtc.so*")))
    return next(found, None)


def nvcc_path() -> str | None:
    """The toolkit's compiler, None without one."""
    return shutil.which("nvcc") or shutil.which("/usr/local/cuda/bin/nvcc")


class Nvrtc:
    """The few calls of NVRTC's C interface that compiling needs."""

    def __init__(self, path: Path) -> None:
        self._library = ctypes.CDLL(str(path))

    @property
    def version(self) -> str:
        """Such as 12.9."""
        major, minor = ctypes.c_int(), ctypes.c_int()
        self._do("Version", ctypes.byref(major), ctypes.byref(minor))
        return f"{major.value}.{minor.value}"

    def compile(self, source: str, architecture: str) -> bytes:
        """The machine code for an architecture. Raises `CompileError`."""
        program = ctypes.c_void_p()
        text = source.encode()
        self._do("CreateProgram", ctypes.byref(program), text, b"xray.cu", 0, None, None)
        try:
            options = [option.encode() for option in (f"--gpu-architecture={architecture}", *OPTIONS)]
            code = self._library.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
            if code:
                raise CompileError(f"NVRTC for {architecture}: {self._bytes('ProgramLog', program).decode()[:2000]}")
            return self._bytes("CUBIN", program)
        finally:
            self._library.nvrtcDestroyProgram(ctypes.byref(program))

    def _bytes(self, what: str, program: ctypes.c_void_p) -> bytes:
        size = ctypes.c_size_t()
        self._do(f"Get{what}Size", program, ctypes.byref(size))
        buffer = ctypes.create_string_buffer(size.value)
        self._do(f"Get{what}", program, buffer)
        return buffer.raw.rstrip(b"\0") if what == "ProgramLog" else buffer.raw

    def _do(self, name: str, *arguments: Any) -> None:
        if code := getattr(self._library, f"nvrtc{name}")(*arguments):
            raise CompileError(f"nvrtc{name} answers {code}.")


def nvcc_compile(source: str, architecture: str) -> list[Usage]:
    """Compile with nvcc and give what every kernel needs. Raises `CompileError`."""
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "xray.cu"
        text.write_text(source, encoding="utf-8")
        command = [nvcc_path() or "nvcc", f"-arch={architecture}", *OPTIONS, "-cubin", "-Xptxas", "-v"]
        command += ["-o", str(text.with_suffix(".cubin")), str(text)]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        raise CompileError(f"nvcc for {architecture}: {made.stderr[:2000]}")
    return list(_usages(made.stdout + made.stderr))


def _usages(text: str) -> Iterator[Usage]:
    """Read what ptxas says."""
    for part in text.split("Compiling entry function '")[1:]:
        spilled = sum(int(count) for count in re.findall(r"(\d+) bytes spill", part))
        registers = re.search(r"Used (\d+) registers", part)
        yield Usage(part.split("'", 1)[0], int(registers[1]) if registers else 0, spilled)
