"""The source of a pass: kinds as C functions, and the loop around them, a thread for each lane of each indicator.

The same text is a CUDA kernel (`xray_pass`) and a host function (`xray_pass_host`), which runs what the threads run
one after the other.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from signals.domain.indicators.catalog import INPUTS, KINDS, Kind
from signals.scan.cuda.translate import Parameter, Unit
from signals.scan.panel import WIDTH, Panel
from signals.scan.plan import ARGUMENTS, Plan

KERNEL, HOST = "xray_pass", "xray_pass_host"
HEAD = f"""
typedef long long i64;
#define XRAY_WIDTH {WIDTH}LL
#ifdef __CUDACC__
#define XRAY_FN __device__ inline
#define XRAY_NAN __longlong_as_double(0x7ff8000000000000LL)
#define XRAY_INF __longlong_as_double(0x7ff0000000000000LL)
#else
#include <math.h>
#define XRAY_FN static inline
#define XRAY_NAN __builtin_nan("")
#define XRAY_INF __builtin_inf()
#endif
XRAY_FN i64 xray_min(i64 a, i64 b) {{ return a < b ? a : b; }}
XRAY_FN i64 xray_max(i64 a, i64 b) {{ return a > b ? a : b; }}
XRAY_FN i64 xray_mod(i64 a, i64 b) {{ const i64 r = a % b; return r != 0 && (r < 0) != (b < 0) ? r + b : r; }}
XRAY_FN i64 xray_floordiv(i64 a, i64 b) {{ return (a - xray_mod(a, b)) / b; }}
"""
_LOOP = """
struct xray_work {
    const double *values; double *state; double *columns;
    const i64 *table; const double *numbers; const i64 *stretches; const i64 *first_stretch;
    i64 lanes, rows, states, outputs, indicators;
};
XRAY_FN void xray_blank(double *out, i64 count, i64 rows, i64 begin, i64 end) {
    for (i64 column = 0; column < count; ++column)
        for (i64 t = begin; t < end; ++t) out[(column * rows + t) * XRAY_WIDTH] = XRAY_NAN;
}
XRAY_FN void xray_lane(const xray_work &work, i64 lane, i64 indicator) {
    const i64 block = lane / XRAY_WIDTH, slot = lane % XRAY_WIDTH, rows = work.rows;
    const i64 *entry = work.table + indicator * @entry@;
    const double *args = work.numbers + indicator * @arguments@;
    const double *in = work.values + block * @fields@ * rows * XRAY_WIDTH + slot;
    double *state = work.state + (block * work.states + entry[1]) * XRAY_WIDTH + slot;
    double *out = work.columns + (block * work.outputs + entry[3]) * rows * XRAY_WIDTH + slot;
    i64 at = 0;
    for (i64 s = work.first_stretch[block]; s < work.first_stretch[block + 1]; ++s) {
        const i64 begin = work.stretches[2 * s], end = work.stretches[2 * s + 1];
        xray_blank(out, entry[4], rows, at, begin);
        for (i64 row = 0; row < entry[2]; ++row) state[row * XRAY_WIDTH] = 0.0;
        switch (entry[0]) {
@cases@
        }
        at = end;
    }
    xray_blank(out, entry[4], rows, at, rows);
}
#define XRAY_PARAMETERS const double *values, double *state, double *columns, const i64 *table, \\
    const double *numbers, const i64 *stretches, const i64 *first_stretch, \\
    i64 lanes, i64 rows, i64 states, i64 outputs, i64 indicators
#define XRAY_WORK {values, state, columns, table, numbers, stretches, first_stretch, \\
    lanes, rows, states, outputs, indicators}
#ifdef __CUDACC__
extern "C" __global__ void xray_pass(XRAY_PARAMETERS) {
    const xray_work work = XRAY_WORK;
    const i64 lane = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    if (lane < lanes) xray_lane(work, lane, blockIdx.y);
}
#else
extern "C" void xray_pass_host(XRAY_PARAMETERS) {
    const xray_work work = XRAY_WORK;
    for (i64 indicator = 0; indicator < indicators; ++indicator)
        for (i64 lane = 0; lane < lanes; ++lane) xray_lane(work, lane, indicator);
}
#endif
"""


def plan_source(plan: Plan) -> str:
    """The source for the kinds of a plan."""
    return cuda_source(plan_kinds(plan))


def plan_kinds(plan: Plan) -> tuple[str, ...]:
    """Names of the kinds of a plan, sorted: their places are their codes in the table."""
    return tuple(sorted({one.kind for one in plan.indicators}))


@lru_cache(maxsize=16)
def cuda_source(kinds: Iterable[str]) -> str:
    """The source for some kinds, valid CUDA and valid host C++. Raises `TranslationError`."""
    unit, cases = Unit(), []
    for code, name in enumerate(kinds):
        kind = KINDS[name]
        parameters = unit.add(kind.function, f"kind_{name}", kind.inputs)
        cases.append(f"        case {code}: kind_{name}({', '.join(_given(kind, parameters))}); break;")
    loop = _LOOP
    for mark, text in (
        ("entry", ENTRY),
        ("arguments", ARGUMENTS),
        ("fields", len(INPUTS)),
        ("cases", "\n".join(cases)),
    ):
        loop = loop.replace(f"@{mark}@", str(text))
    return f"{HEAD}{unit.text}\n{loop}"


def _given(kind: Kind, parameters: tuple[Parameter, ...]) -> list[str]:
    series = [f"in + {INPUTS.index(name)} * rows * XRAY_WIDTH" for name in kind.inputs]
    series += ["state", *(f"out + {place} * rows * XRAY_WIDTH" for place in range(len(kind.columns)))]
    numbers = ["begin", "end", "0LL", *(["begin"] if kind.has_tick else [])]
    numbers += [f"({'i64' if whole else 'double'})args[{place}]" for place, whole in enumerate(kind.whole)]
    given = series + numbers
    assert len(given) == len(parameters), f"{kind.name} has {len(parameters)} parameters, {len(given)} are given"
    return given


ENTRY = 5


@dataclass(frozen=True)
class Work:
    """What a pass is given beside the candles: the plan as a table, and the stretches of every block.

    table: int64 (indicators, ENTRY): code, first state row, state rows, first column, columns; numbers: float64
    (indicators, ARGUMENTS); stretches: int64 (n, 2) begin and end; first_stretch: int64 (blocks + 1,).
    """

    table: np.ndarray
    numbers: np.ndarray
    stretches: np.ndarray
    first_stretch: np.ndarray

    @classmethod
    def of(cls, plan: Plan, panel: Panel, first: int = 0, last: int | None = None) -> "Work":
        """The work on blocks first..last of a panel."""
        codes = {name: code for code, name in enumerate(plan_kinds(plan))}
        rows, state, column = [], 0, 0
        for one in plan.indicators:
            rows.append((codes[one.kind], state, one.state, column, len(one.columns)))
            state, column = state + one.state, column + len(one.columns)
        blocks = panel.stretches[first:last]
        pairs = [pair for stretches in blocks for pair in stretches]
        return cls(
            np.array(rows, np.int64).reshape(-1, ENTRY),
            plan.numbers,
            np.array(pairs, np.int64).reshape(-1, 2),
            np.concatenate(([0], np.cumsum([len(stretches) for stretches in blocks], dtype=np.int64))),
        )
