"""The source of a pass: kinds and formulas as C functions, and the loops around them: a thread for each lane of each
indicator, and then a thread for each lane of each formula.

The same text is two CUDA kernels (`xray_pass`, `xray_decide`) and two host functions (`..._host`), which run what the
threads run one after the other.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from signals.domain.indicators import language
from signals.domain.indicators.catalog import INPUTS, KINDS, Kind
from signals.domain.strategies.formula import Formula
from signals.scan.cuda.shapes import Shape
from signals.scan.cuda.translate import Parameter, Unit
from signals.scan.panel import WIDTH
from signals.scan.plan import ARGUMENTS

PASS, DECIDE = "xray_pass", "xray_decide"
ENTRY = 5  # numbers a plan's table has for each indicator
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
_LOOPS = """
struct xray_work {
    const double *values; double *state; double *columns; unsigned char *masks;
    const i64 *table; const double *numbers; const i64 *rules; const double *told;
    const i64 *stretches; const i64 *first_stretch;
    i64 lanes, rows, states, outputs, indicators, formulas, rule_size, told_size, lookback, first_tick;
};
XRAY_FN void xray_blank(double *out, i64 count, i64 rows, i64 begin, i64 end) {
    for (i64 column = 0; column < count; ++column)
        for (i64 t = begin; t < end; ++t) out[(column * rows + t) * XRAY_WIDTH] = XRAY_NAN;
}
XRAY_FN void xray_indicator(const xray_work &work, i64 lane, i64 indicator) {
    const i64 block = lane / XRAY_WIDTH, slot = lane % XRAY_WIDTH, rows = work.rows;
    const i64 *entry = work.table + indicator * @entry@;
    const double *args = work.numbers + indicator * @arguments@;
    const double *in = work.values + block * @fields@ * rows * XRAY_WIDTH + slot;
    double *state = work.state + (block * work.states + entry[1]) * XRAY_WIDTH + slot;
    double *out = work.columns + (block * work.outputs + entry[3]) * rows * XRAY_WIDTH + slot;
    i64 at = 0;
    for (i64 s = work.first_stretch[block]; s < work.first_stretch[block + 1]; ++s) {
        const i64 begin = work.stretches[2 * s], end = work.stretches[2 * s + 1], tick = work.first_tick + begin;
        xray_blank(out, entry[4], rows, at, begin);
        for (i64 row = 0; row < entry[2]; ++row) state[row * XRAY_WIDTH] = 0.0;
        switch (entry[0]) {
@kinds@
        }
        at = end;
    }
    xray_blank(out, entry[4], rows, at, rows);
}
XRAY_FN void xray_formula(const xray_work &work, i64 lane, i64 formula) {
    const i64 block = lane / XRAY_WIDTH, slot = lane % XRAY_WIDTH, rows = work.rows;
    const i64 *rule = work.rules + formula * work.rule_size;
    const double *told = work.told + formula * work.told_size;
    const double *in = work.values + block * @fields@ * rows * XRAY_WIDTH + slot;
    const double *columns = work.columns + block * work.outputs * rows * XRAY_WIDTH + slot;
    unsigned char *buy = work.masks + (block * work.formulas + formula) * 2 * rows * XRAY_WIDTH + slot;
    unsigned char *sell = buy + rows * XRAY_WIDTH;
    for (i64 s = work.first_stretch[block]; s < work.first_stretch[block + 1]; ++s) {
        const i64 begin = work.stretches[2 * s] + work.lookback, end = work.stretches[2 * s + 1];
        switch (rule[0]) {
@formulas@
        }
    }
}
#define XRAY_PARAMETERS const double *values, double *state, double *columns, unsigned char *masks, \\
    const i64 *table, const double *numbers, const i64 *rules, const double *told, \\
    const i64 *stretches, const i64 *first_stretch, i64 lanes, i64 rows, i64 states, i64 outputs, i64 indicators, \\
    i64 formulas, i64 rule_size, i64 told_size, i64 lookback, i64 first_tick
#define XRAY_WORK {values, state, columns, masks, table, numbers, rules, told, stretches, first_stretch, \\
    lanes, rows, states, outputs, indicators, formulas, rule_size, told_size, lookback, first_tick}
#ifdef __CUDACC__
extern "C" __global__ void xray_pass(XRAY_PARAMETERS) {
    const xray_work work = XRAY_WORK;
    const i64 lane = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    if (lane < lanes) xray_indicator(work, lane, blockIdx.y);
}
extern "C" __global__ void xray_decide(XRAY_PARAMETERS) {
    const xray_work work = XRAY_WORK;
    const i64 lane = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    if (lane < lanes) xray_formula(work, lane, blockIdx.y);
}
#else
extern "C" void xray_pass_host(XRAY_PARAMETERS) {
    const xray_work work = XRAY_WORK;
    for (i64 indicator = 0; indicator < indicators; ++indicator)
        for (i64 lane = 0; lane < lanes; ++lane) xray_indicator(work, lane, indicator);
}
extern "C" void xray_decide_host(XRAY_PARAMETERS) {
    const xray_work work = XRAY_WORK;
    for (i64 formula = 0; formula < formulas; ++formula)
        for (i64 lane = 0; lane < lanes; ++lane) xray_formula(work, lane, formula);
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


@lru_cache(maxsize=16)
def cuda_source(kinds: tuple[str, ...], formulas: tuple[Decide, ...] = ()) -> str:
    """The source for some kinds and formulas, valid CUDA and valid host C++; their places are their codes.

    Raises `TranslationError`.
    """
    unit, cases, decisions = Unit(), [], []
    for code, name in enumerate(kinds):
        cases.append(
            f"        case {code}: kind_{name}({', '.join(_kind_given(KINDS[name], _kind_add(unit, name)))}); break;"
        )
    for code, formula in enumerate(formulas):
        given = ", ".join(_formula_given(formula, _formula_add(unit, formula, code)))
        decisions.append(f"        case {code}: formula_{code}({given}); break;")
    filled = {"entry": ENTRY, "arguments": ARGUMENTS, "fields": len(INPUTS), "kinds": "\n".join(cases)}
    loops = _LOOPS
    for mark, text in (filled | {"formulas": "\n".join(decisions)}).items():
        loops = loops.replace(f"@{mark}@", str(text))
    return f"{HEAD}{unit.text}\n{loops}"


def each_source(kinds: Iterable[str]) -> str:
    """The kinds with a kernel of its own for every one, named after it, to see what each one needs."""
    unit = Unit()
    kernels = [
        f'extern "C" __global__ void {name}(const double *in, double *state, double *out, const double *args, '
        f"i64 rows, i64 begin, i64 end, i64 tick) {{ in += threadIdx.x; state += threadIdx.x; out += threadIdx.x; "
        f"kind_{name}({', '.join(_kind_given(KINDS[name], _kind_add(unit, name)))}); }}"
        for name in kinds
    ]
    return "\n".join([HEAD, unit.text, *kernels])


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
    given += ["buy", "sell", "begin", "end", *(f"told[{place}]" for place in range(formula.told))]
    assert len(given) == len(parameters), f"a formula has {len(parameters)} parameters, {len(given)} are given"
    return given
