"""Addresses in compiled code: series, masks and numbers that lie somewhere in memory, and calls of compiled kinds."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from signals.scan.vector import ALIGN, WIDTH, bits, row_address, rows, vector

_DOUBLE, _WORD = ir.DoubleType(), ir.IntType(64)


@intrinsic
def rows_at(typingctx: Any, address: Any, row: Any) -> Any:
    """The series whose row 0 lies `row` rows (WIDTH float64) after an address in memory."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        base = builder.inttoptr(args[0], ir.PointerType(_DOUBLE))
        return builder.gep(base, [builder.mul(args[1], ir.Constant(args[1].type, WIDTH))])

    return rows(types.int64, types.int64), emit


@intrinsic
def stream_at(typingctx: Any, series: Any, row: Any, value: Any) -> Any:
    """Write a row past the caches: of a series that is larger than they are, a line need not be read to be written."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        made = builder.store(args[2], row_address(builder, args[0], args[1]), align=ALIGN)
        made.set_metadata("nontemporal", builder.module.add_metadata([ir.IntType(32)(1)]))
        return context.get_dummy_value()

    return types.void(rows, types.int64, vector), emit


@intrinsic
def streams_end(typingctx: Any) -> Any:
    """Have everything that was written past the caches in memory before going on."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), emit


@intrinsic
def bits_at(typingctx: Any, address: Any, row: Any) -> Any:
    """The masks whose row 0 lies `row` rows (WIDTH bits) after an address in memory."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.gep(builder.inttoptr(args[0], ir.PointerType(ir.IntType(WIDTH))), [args[1]])

    return bits(types.int64, types.int64), emit


@intrinsic
def word_at(typingctx: Any, address: Any, place: Any) -> Any:
    """The int64 at a place (in words) after an address in memory."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load(builder.gep(builder.inttoptr(args[0], ir.PointerType(_WORD)), [args[1]]))

    return types.int64(types.int64, types.int64), emit


@intrinsic
def word_put(typingctx: Any, address: Any, place: Any, value: Any) -> Any:
    """Write the int64 at a place (in words) after an address in memory."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.store(args[2], builder.gep(builder.inttoptr(args[0], ir.PointerType(_WORD)), [args[1]]))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), emit


@intrinsic
def number_at(typingctx: Any, address: Any, place: Any) -> Any:
    """The float64 at a place (in words) after an address in memory."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load(builder.gep(builder.inttoptr(args[0], ir.PointerType(_DOUBLE)), [args[1]]))

    return types.float64(types.int64, types.int64), emit


@intrinsic
def prefetch_at(typingctx: Any, address: Any) -> Any:
    """Have the cache line at an address brought into the second cache, without waiting for it."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = ir.PointerType(ir.IntType(8))
        shape = ir.FunctionType(ir.VoidType(), [pointer, *[ir.IntType(32)] * 3])
        function = cgutils.get_or_insert_function(builder.module, shape, "llvm.prefetch.p0i8")
        hints = [ir.IntType(32)(hint) for hint in (0, 2, 1)]  # to read, into the second cache, data
        builder.call(function, [builder.inttoptr(args[0], pointer), *hints])
        return context.get_dummy_value()

    return types.void(types.int64), emit


CALL_WORDS = 9


@intrinsic
def call_at(
    typingctx: Any, address: Any, frame: Any, entry: Any, args: Any,
    first: Any, last: Any, begin: Any, end: Any, age: Any, tick: Any,
) -> Any:  # fmt: skip
    """Call the compiled kind at an address."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        shape = ir.FunctionType(ir.VoidType(), [_WORD] * CALL_WORDS)
        builder.call(builder.inttoptr(args[0], ir.PointerType(shape)), list(args[1:]))
        return context.get_dummy_value()

    return types.void(*(types.int64,) * (CALL_WORDS + 1)), emit
