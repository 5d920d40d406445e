"""The operations that `make gpu-check` and docs/gpu.md reckon with: the GPU's source, run on numbers that count."""

import ctypes
import re
from pathlib import Path

import numpy as np
import pytest

from bench.gpu import COLUMNS, OPERATIONS, instructions
from signals.domain.indicators import KINDS
from signals.scan.cuda import host
from signals.scan.cuda.source import HEAD, _kind_given
from signals.scan.cuda.translate import Unit

ROWS = 5000
COUNTING = """
static i64 counts[4];
struct Counted {
    double v;
    Counted() {} Counted(double x) : v(x) {} Counted(i64 x) : v((double)x) {} Counted(int x) : v(x) {}
    explicit operator i64() const { return (i64)v; }
    Counted operator-() const { return -v; }
};
static Counted operator+(Counted a, Counted b) { ++counts[0]; return a.v + b.v; }
static Counted operator-(Counted a, Counted b) { ++counts[0]; return a.v - b.v; }
static Counted operator*(Counted a, Counted b) { ++counts[0]; return a.v * b.v; }
static Counted operator/(Counted a, Counted b) { ++counts[2]; return a.v / b.v; }
static bool operator<(Counted a, Counted b) { ++counts[1]; return a.v < b.v; }
static bool operator>(Counted a, Counted b) { ++counts[1]; return a.v > b.v; }
static Counted sqrt(Counted a) { ++counts[3]; return sqrt(a.v); }
static Counted fma(Counted a, Counted b, Counted c) { ++counts[0]; return fma(a.v, b.v, c.v); }
"""
RUN = """
extern "C" void run(const Counted *in, Counted *state, Counted *out, const Counted *args, i64 rows, i64 *told) {
    const i64 begin = 0, end = rows, tick = 0; (void)args; (void)tick;
    for (i64 n = 0; n < 4; ++n) counts[n] = 0;
    @call@;
    for (i64 n = 0; n < 4; ++n) told[n] = counts[n];
}
"""


def counted(name: str, args: tuple[float, ...]) -> tuple[int, ...]:
    unit, kind = Unit(), KINDS[name]
    given = _kind_given(kind, unit.add(kind.function, f"kind_{name}", kind.inputs))
    body = re.sub(r"\bdouble\b", "Counted", unit.text)
    run = RUN.replace("@call@", f"kind_{name}({', '.join(given)})").replace("(double)", "")
    library = ctypes.CDLL(str(host.library_make(HEAD + COUNTING + body + run)))
    wave = 100.0 + np.sin(np.arange(ROWS * 16) * 0.01)
    candles = np.stack([wave, wave + 1.0, wave - 1.0, wave, wave])
    told, state, out = np.zeros(4, np.int64), np.zeros((64, 16)), np.zeros((3, ROWS, 16))
    arrays = (candles, state, out, np.array(args, np.float64))
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in arrays]
    library.run(*pointers, ctypes.c_longlong(ROWS), ctypes.c_void_p(told.ctypes.data))
    return tuple(round(count / ROWS) for count in told)


@pytest.mark.skipif(host.compiler() is None, reason="needs a C++ compiler (g++)")
@pytest.mark.parametrize(("name", "args"), dict(COLUMNS).items())
def test_operations_are_counted(name, args):
    assert counted(name, args) == OPERATIONS[name]


def test_the_page_reckons_with_the_same():
    page = (Path(__file__).parents[3] / "docs" / "gpu.md").read_text()
    totals = [sum(OPERATIONS[kind][place] for kind, _ in COLUMNS) for place in range(4)]
    assert "| all | " + " | ".join(map(str, totals)) + " |" in page
    assert f"{instructions()} instructions" in page
