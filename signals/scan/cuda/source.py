"""The source of a pass: kinds and formulas as C functions, and the loops around them: a thread for each lane of each
indicator, and then a thread for each lane of each formula.

Every kind and every formula has a kernel of its own, so that it is compiled alone, once, and needs no more registers
than its own. The same text is a CUDA kernel and a host function, which runs what the threads run one after the other.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from signals.domain.indicators import language
from signals.domain.indicators.catalog import INPUTS, KINDS, Kind
from signals.domain.strategies.formula import Formula
from signals.scan.cuda.shapes import Shape
from signals.scan.cuda.translate import Parameter, Unit
from signals.scan.panel import WIDTH

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
_WORK = """
struct xray_work {
    const double *values; double *state; double *columns; unsigned char *masks;
    const i64 *table; const double *numbers; const i64 *stretches; const i64 *first_stretch;
    i64 count, table_size, numbers_size, lanes, rows, states, outputs, decisions, lookback, first_tick;
};
#define XRAY_PARAMETERS const double *values, double *state, double *columns, unsigned char *masks, \\
    const i64 *table, const double *numbers, const i64 *stretches, const i64 *first_stretch, \\
    i64 count, i64 table_size, i64 numbers_size, i64 lanes, i64 rows, i64 states, i64 outputs, i64 decisions, \\
    i64 lookback, i64 first_tick
#define XRAY_WORK {values, state, columns, masks, table, numbers, stretches, first_stretch, \\
    count, table_size, numbers_size, lanes, rows, states, outputs, decisions, lookback, first_tick}
XRAY_FN void xray_blank(double *out, i64 count, i64 rows, i64 begin, i64 end) {
    for (i64 column = 0; column < count; ++column)
        for (i64 t = begin; t < end; ++t) out[(column * rows + t) * XRAY_WIDTH] = XRAY_NAN;
}
"""
_KIND = """
XRAY_FN void lane_@name@(const xray_work &work, i64 lane, i64 which) {
    const i64 block = lane / XRAY_WIDTH, slot = lane % XRAY_WIDTH, rows = work.rows;
    const i64 *entry = work.table + which * work.table_size;
    const double *args = work.numbers + which * work.numbers_size;
    const double *in = work.values + block * @fields@ * rows * XRAY_WIDTH + slot;
    double *state = work.state + (block * work.states + entry[0]) * XRAY_WIDTH + slot;
    double *out = work.columns + (block * work.outputs + entry[2]) * rows * XRAY_WIDTH + slot;
    i64 at = 0;
    for (i64 s = work.first_stretch[block]; s < work.first_stretch[block + 1]; ++s) {
        const i64 begin = work.stretches[2 * s], end = work.stretches[2 * s + 1], tick = work.first_tick + begin;
        (void)tick; (void)args;
        xray_blank(out, @outputs@, rows, at, begin);
        for (i64 row = 0; row < entry[1]; ++row) state[row * XRAY_WIDTH] = 0.0;
        @call@;
        at = end;
    }
    xray_blank(out, @outputs@, rows, at, rows);
}
"""
_FORMULA = """
XRAY_FN void lane_@name@(const xray_work &work, i64 lane, i64 which) {
    const i64 block = lane / XRAY_WIDTH, slot = lane % XRAY_WIDTH, rows = work.rows;
    const i64 *rule = work.table + which * work.table_size;
    const double *args = work.numbers + which * work.numbers_size;
    const double *in = work.values + block * @fields@ * rows * XRAY_WIDTH + slot;
    const double *columns = work.columns + block * work.outputs * rows * XRAY_WIDTH + slot;
    unsigned char *buy = work.masks + (block * work.decisions + rule[0]) * 2 * rows * XRAY_WIDTH + slot;
    unsigned char *sell = buy + rows * XRAY_WIDTH;
    (void)args; (void)in; (void)columns;
    for (i64 s = work.first_stretch[block]; s < work.first_stretch[block + 1]; ++s) {
        const i64 begin = work.stretches[2 * s] + work.lookback, end = work.stretches[2 * s + 1];
        @call@;
    }
}
"""
_ENTRANCES = """
#ifdef __CUDACC__
extern "C" __global__ void @name@(XRAY_PARAMETERS) {
    const xray_work work = XRAY_WORK;
    const i64 lane = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    if (lane < lanes) lane_@name@(work, lane, blockIdx.y);
}
#else
extern "C" void @name@(XRAY_PARAMETERS) {
    const xray_work work = XRAY_WORK;
    for (i64 which = 0; which < count; ++which)
        for (i64 lane = 0; lane < lanes; ++lane) lane_@name@(work, lane, which);
}
#endif
"""


@dataclass(frozen=True, slots=True)
class Decide:
    """What of a formula decides its code: formulas that differ in numbers and columns only share one."""

    text: str
    fields: tuple[str, ...]
    reads: int
    told: int

    @classmethod
    def of(cls, formula: Formula) -> "Decide":
        """The code of a formula that writes masks only. Raises ValueError for a whole one."""
        if formula.details:
            raise ValueError("Only formulas that write nothing but masks run on the GPU.")
        return cls(formula.text, formula.fields, len(formula.columns), len(formula.numbers))


@lru_cache(maxsize=256)
def kind_source(name: str) -> str:
    """The source for one kind, valid CUDA and host C++; its kernel is `pass_<name>`. Raises `TranslationError`."""
    return whole_source((name,), ())


@lru_cache(maxsize=256)
def formula_source(formula: Decide) -> str:
    """The source for one formula; its kernel is `decide_0`."""
    return whole_source((), (formula,))


def whole_source(kinds: Iterable[str], formulas: Iterable[Decide]) -> str:
    """The source with a kernel for every kind and formula: `pass_<name>` and `decide_<place>`."""
    unit, loops = Unit(), []
    for name in kinds:
        kind = KINDS[name]
        call = f"kind_{name}({', '.join(_kind_given(kind, _kind_add(unit, name)))})"
        loops.append(_filled(_KIND + _ENTRANCES, name=f"pass_{name}", outputs=len(kind.columns), call=call))
    for place, formula in enumerate(formulas):
        call = f"formula_{place}({', '.join(_formula_given(formula, _formula_add(unit, formula, place)))})"
        loops.append(_filled(_FORMULA + _ENTRANCES, name=f"decide_{place}", call=call))
    return "".join([HEAD, unit.text, _WORK, *loops])


def _filled(template: str, **marks: Any) -> str:
    for mark, text in {"fields": len(INPUTS), **marks}.items():
        template = template.replace(f"@{mark}@", str(text))
    return template


def _kind_add(unit: Unit, name: str) -> tuple[Parameter, ...]:
    return unit.add(KINDS[name].function, f"kind_{name}", KINDS[name].inputs)


def _kind_given(kind: Kind, parameters: tuple[Parameter, ...]) -> list[str]:
    series = [f"in + {INPUTS.index(name)} * rows * XRAY_WIDTH" for name in kind.inputs]
    series += ["state", *(f"out + {place} * rows * XRAY_WIDTH" for place in range(len(kind.columns)))]
    numbers = ["begin", "end", "0LL", *(["tick"] if kind.has_tick else [])]
    numbers += [f"({'i64' if whole else 'double'})args[{place}]" for place, whole in enumerate(kind.whole)]
    given = series + numbers
    assert len(given) == len(parameters), f"{kind.name} has {len(parameters)} parameters, {len(given)} are given"
    return given


def _formula_add(unit: Unit, formula: Decide, code: int) -> tuple[Parameter, ...]:
    series = len(formula.fields) + formula.reads
    shapes = (Shape.ROWS,) * series + (Shape.BITS,) * 2 + (Shape.INT,) * 2 + (Shape.NUMBER,) * formula.told
    return unit.add_text(formula.text, vars(language), f"formula_{code}", shapes)


def _formula_given(formula: Decide, parameters: tuple[Parameter, ...]) -> list[str]:
    given = [f"in + {INPUTS.index(name)} * rows * XRAY_WIDTH" for name in formula.fields]
    given += [f"columns + rule[{place + 1}] * rows * XRAY_WIDTH" for place in range(formula.reads)]
    given += ["buy", "sell", "begin", "end", *(f"args[{place}]" for place in range(formula.told))]
    assert len(given) == len(parameters), f"a formula has {len(parameters)} parameters, {len(given)} are given"
    return given
