"""The GPU's source compiles for the architectures it is meant for, on a machine without a GPU."""

import pytest

from signals.domain.indicators import KINDS
from signals.scan.cuda import compilers
from signals.scan.cuda.work import everything_source

ABSENT = "needs NVRTC or nvcc; `make gpu-compile` gets NVRTC"


@pytest.fixture
def nvrtc() -> compilers.Nvrtc:
    path = compilers.nvrtc_path()
    if path is None:
        pytest.skip(ABSENT)
    return compilers.Nvrtc(path)


def test_nvrtc_compiles_every_kind_and_strategy(nvrtc):
    """For one architecture; `make gpu-compile`, which `.ci/run` does, compiles for all."""
    code = nvrtc.compile(everything_source(), compilers.ARCHITECTURES[0])
    assert code[:4] == b"\x7fELF" and all(f"pass_{name}".encode() in code for name in KINDS) and b"decide_0" in code


def test_what_nvrtc_refuses_is_told_in_its_words(nvrtc):
    with pytest.raises(compilers.CompileError, match="no_such_thing"):
        nvrtc.compile("__global__ void f() { no_such_thing(); }", "sm_75")


def test_nvcc_compiles_and_nothing_spills():
    if compilers.nvcc_path() is None:
        pytest.skip("needs nvcc; NVRTC is tested above")
    used = {one.kernel: one for one in compilers.nvcc_compile(everything_source(), "sm_75")}
    assert {name for name in used if name.startswith("pass_")} == {f"pass_{name}" for name in KINDS}
    assert all(0 < one.registers <= 255 and one.spilled_bytes == 0 for one in used.values()), used
