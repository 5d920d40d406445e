"""Division by whole numbers and square roots of vectors, faster than the processor's instructions for them, which take
one number after the other, and to the same bits.
"""

from typing import Any

from llvmlite import binding, ir
from numba import config
from numba.core import cgutils

WIDTH, HALF = 16, 8
LEAST, MOST = 2.0**-480, 2.0**480
_DOUBLE = ir.DoubleType()
_VECTOR, _HALF = ir.VectorType(_DOUBLE, WIDTH), ir.VectorType(_DOUBLE, HALF)


def _has(feature: str) -> bool:
    """Whether code may be made for it: the processor has it, and NUMBA_CPU_FEATURES does not say otherwise."""
    told = getattr(config, "CPU_FEATURES", None)
    return f"+{feature}" in told.split(",") if told else bool(binding.get_host_cpu_features().get(feature))


HAS_FMA, HAS_ESTIMATES = _has("fma"), _has("avx512f")


def splat(builder: Any, value: Any) -> Any:
    """A number in all lanes."""
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    empty = ir.Constant(_VECTOR, ir.Undefined)
    return builder.shuffle_vector(builder.insert_element(empty, value, ir.IntType(32)(0)), empty, zeros)


def call(builder: Any, name: str, *values: Any) -> Any:
    """An LLVM intrinsic from vectors to a vector."""
    shape = ir.FunctionType(_VECTOR, [_VECTOR] * len(values))
    return builder.call(cgutils.get_or_insert_function(builder.module, shape, f"llvm.{name}.v{WIDTH}f64"), values)


def half(builder: Any, value: Any, which: int) -> Any:
    """The first (0) or second (1) half of a vector."""
    places = ir.Constant(ir.VectorType(ir.IntType(32), HALF), [which * HALF + n for n in range(HALF)])
    return builder.shuffle_vector(value, value, places)


def joined(builder: Any, halves: list[Any]) -> Any:
    """Two halves as one vector."""
    return builder.shuffle_vector(*halves, ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), list(range(WIDTH))))


def divide_by_whole(builder: Any, x: Any, number: Any) -> Any:
    """x / n for a whole n (a double, the same in all lanes) below 2^31: correctly rounded, but an infinite x gives NaN.

    With q = x * (1 / n) and the remainder r = x - q * n, which is exact, x / n is q + r * (1 / n) rounded: q is at most
    1.5 units in the last place away, and x / n is never so near the middle of two numbers that it could go wrong.
    """
    share = splat(builder, builder.fdiv(_DOUBLE(1.0), number))
    quotient = builder.fmul(x, share)
    rest = call(builder, "fma", builder.fneg(quotient), splat(builder, number), x)
    return call(builder, "fma", rest, share, quotient)


def root(builder: Any, x: Any) -> Any:
    """The square root of x, correctly rounded.

    With AVX-512: an estimate of 14 bits, two of Goldschmidt's steps, and a correction by the exact remainder (Markstein
    1990; Cornea, Harrison and Tang 2002, ch. 8). A vector with a number outside [LEAST, MOST] in any lane (zero,
    infinity, NaN) goes the slow way.
    """
    if not HAS_ESTIMATES:
        return call(builder, "sqrt", x)
    return _either(builder, _within(builder, x), lambda: _rooted(builder, x), lambda: call(builder, "sqrt", x))


def _rooted(builder: Any, x: Any) -> Any:
    half, start = splat(builder, _DOUBLE(0.5)), _estimate(builder, "rsqrt14", x)
    value, share = builder.fmul(x, start), builder.fmul(start, half)
    for _ in range(2):
        rest = call(builder, "fma", builder.fneg(value), share, half)
        value, share = call(builder, "fma", value, rest, value), call(builder, "fma", share, rest, share)
    return call(builder, "fma", call(builder, "fma", builder.fneg(value), value, x), share, value)


def _estimate(builder: Any, name: str, x: Any) -> Any:
    """Of both halves, to 14 bits."""
    shape = ir.FunctionType(_HALF, [_HALF, _HALF, ir.IntType(8)])
    function = cgutils.get_or_insert_function(builder.module, shape, f"llvm.x86.avx512.{name}.pd.512")
    empty, everything = ir.Constant(_HALF, ir.Undefined), ir.IntType(8)(255)
    return joined(builder, [builder.call(function, [half(builder, x, n), empty, everything]) for n in (0, 1)])


def _within(builder: Any, x: Any) -> Any:
    """Whether all lanes are in the range in which nothing can go wrong (false with a NaN)."""
    least, most = (splat(builder, _DOUBLE(limit)) for limit in (LEAST, MOST))
    good = builder.and_(builder.fcmp_ordered(">=", x, least), builder.fcmp_ordered("<=", x, most))
    bits = ir.IntType(WIDTH)
    return builder.icmp_unsigned("==", builder.bitcast(good, bits), bits((1 << WIDTH) - 1))


def _either(builder: Any, quick: Any, yes: Any, no: Any) -> Any:
    with builder.if_else(quick, likely=True) as (then, otherwise):
        with then:
            first, from_first = yes(), builder.block
        with otherwise:
            second, from_second = no(), builder.block
    result = builder.phi(_VECTOR)
    result.add_incoming(first, from_first)
    result.add_incoming(second, from_second)
    return result
