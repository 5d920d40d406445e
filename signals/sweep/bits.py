"""Comparing 64 candles in a few instructions: numba functions made of LLVM's vector types.

Any processor can run them; one with wide registers compares eight at a time and keeps the answers as bits, where
numba's own loops would store bytes and gather them again.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_intrinsic: Any = intrinsic
WIDTH = 64
LANES = ir.VectorType(ir.DoubleType(), WIDTH)
WORD = ir.IntType(WIDTH)


def _loaded(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
    """array[at : at + 64] as one vector."""
    pointer = builder.gep(context.make_array(kind)(context, builder, array).data, [at])
    load = builder.load(builder.bitcast(pointer, LANES.as_pointer()))
    load.align = 8
    return load


def _spread(builder: Any, value: Any) -> Any:
    """One number in all 64 places."""
    one = builder.insert_element(ir.Constant(LANES, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    places = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(one, ir.Constant(LANES, ir.Undefined), places)


@_intrinsic
def above_bits(typing: Any, a: Any, b: Any, at: Any) -> Any:
    """uint64: bit i tells whether a[at + i] > b[at + i]; a, b float64 (time,) contiguous, 64 numbers from `at` on."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        left, right = (_loaded(context, builder, signature.args[i], arguments[i], arguments[2]) for i in (0, 1))
        return builder.bitcast(builder.fcmp_ordered(">", left, right), WORD)

    return types.uint64(a, b, types.intp), build


@_intrinsic
def touched_bits(typing: Any, lows: Any, highs: Any, at: Any, below: Any, over: Any) -> Any:
    """uint64: bit i tells whether lows[at + i] <= below or highs[at + i] >= over; 64 numbers from `at` on."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        low, high = (_loaded(context, builder, signature.args[i], arguments[i], arguments[2]) for i in (0, 1))
        under = builder.fcmp_ordered("<=", low, _spread(builder, arguments[3]))
        return builder.bitcast(
            builder.or_(under, builder.fcmp_ordered(">=", high, _spread(builder, arguments[4]))), WORD
        )

    return types.uint64(lows, highs, types.intp, types.float64, types.float64), build


@_intrinsic
def lowest_bit(typing: Any, bits: Any) -> Any:
    """Index of the lowest set bit of a uint64; 64 without one."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], cgutils.false_bit)

    return types.int64(types.uint64), build


@_intrinsic
def bit_count(typing: Any, bits: Any) -> Any:
    """How many bits of a uint64 are set."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), build
