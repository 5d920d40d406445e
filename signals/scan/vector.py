"""numba types for the language of indicators: a value is WIDTH lanes at once, kept in registers.

`signals.domain.indicators.language` names the words; here numba learns what they mean for vectors. Every operation is
the IEEE one on each lane (no contraction, no reordering), so the bits do not depend on the machine's vector width.
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.core.typeconv import Conversion
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin, lower_cast, register_jitable, register_model

from signals.domain.indicators import language
from signals.scan import quick

WIDTH = quick.WIDTH
ALIGN = 64
_DOUBLE = ir.DoubleType()
_VECTOR, _HALF = ir.VectorType(_DOUBLE, WIDTH), ir.VectorType(ir.IntType(1), WIDTH // 2)
# A mask is kept as the two halves that AVX-512 compares at once: joined, every comparison would pay for the joining.
_MASK = ir.ArrayType(_HALF, 2)
_NUMBERS = (types.Float, types.Integer)


class VectorType(types.Type):
    """WIDTH float64 values; a plain number becomes one where both meet."""

    def __init__(self) -> None:
        super().__init__(name=f"Vector{WIDTH}")

    def unify(self, typingctx: Any, other: Any) -> Any:
        """A variable that is a number on one path and a vector on another is a vector."""
        return self if isinstance(other, _NUMBERS) else None

    def can_convert_from(self, typingctx: Any, other: Any) -> Any:
        """A plain number can be had as a vector."""
        return Conversion.safe if isinstance(other, _NUMBERS) else None


class MaskType(types.Type):
    """WIDTH truth values."""

    def __init__(self) -> None:
        super().__init__(name=f"Mask{WIDTH}")


class RowsType(types.Type):
    """Values of one series of a block, by candle number: an address and nothing else."""

    def __init__(self) -> None:
        super().__init__(name=f"Rows{WIDTH}")


class BitsType(types.Type):
    """Masks of one series of a block, by candle number: 16 bits a candle."""

    def __init__(self) -> None:
        super().__init__(name=f"Bits{WIDTH}")


vector, mask, rows, bits = VectorType(), MaskType(), RowsType(), BitsType()


def _model(numba_type: type, llvm_type: ir.Type) -> None:
    @register_model(numba_type)
    class _Model(models.PrimitiveModel):
        def __init__(self, dmm: Any, fe_type: Any) -> None:
            super().__init__(dmm, fe_type, llvm_type)


_model(VectorType, _VECTOR)
_model(MaskType, _MASK)
_model(RowsType, ir.PointerType(_DOUBLE))
_model(BitsType, ir.PointerType(ir.IntType(WIDTH)))


def _vector_of(context: Any, builder: Any, value: Any, numba_type: Any) -> Any:
    if numba_type == vector:
        return value
    return quick.splat(builder, context.cast(builder, value, numba_type, types.float64))


@lower_cast(types.Float, vector)
@lower_cast(types.Integer, vector)
def _cast(context: Any, builder: Any, fromty: Any, toty: Any, value: Any) -> Any:
    return _vector_of(context, builder, value, fromty)


def _word(
    name: Any, result: Any, accepts: Callable[..., bool], shapes: tuple[Any, ...], emit: Callable[..., Any]
) -> None:
    """Teach numba one word: which argument types it takes, what comes out, and the instruction."""

    @infer_global(name)
    class _Typing(AbstractTemplate):
        key = name

        def generic(self, args: Any, kws: Any) -> Any:
            return signature(result, *args) if not kws and accepts(*args) else None

    def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return emit(context, builder, sig, args)

    for shape in shapes:
        lower_builtin(name, *shape)(lowered)


def _value(one: Any) -> bool:
    return one == vector or isinstance(one, _NUMBERS)


_PAIRS = ((vector, vector), *((vector, n) for n in _NUMBERS), *((n, vector) for n in _NUMBERS))
_MIXES = (vector, *_NUMBERS)


def _binary(name: Any, result: Any, instruction: Callable[[Any, Any, Any], Any]) -> None:
    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        a, b = (_vector_of(context, builder, v, t) for v, t in zip(args, sig.args, strict=True))
        return instruction(builder, a, b)

    _word(name, result, lambda *args: len(args) == 2 and vector in args and all(map(_value, args)), _PAIRS, emit)


for _names, _instruction in (
    ((operator.add, operator.iadd), "fadd"),
    ((operator.sub, operator.isub), "fsub"),
    ((operator.mul, operator.imul), "fmul"),
):
    for _name in _names:
        _binary(_name, vector, lambda b, x, y, _op=_instruction: getattr(b, _op)(x, y))  # type: ignore[misc]


def _halves(builder: Any, value: Any) -> list[Any]:
    """Of a vector or of a mask."""
    if value.type == _MASK:
        return [builder.extract_value(value, half) for half in (0, 1)]
    return [quick.half(builder, value, half) for half in (0, 1)]


def _mask(builder: Any, halves: list[Any]) -> Any:
    made = ir.Constant(_MASK, ir.Undefined)
    for number, half in enumerate(halves):
        made = builder.insert_value(made, half, number)
    return made


def _by_halves(instruction: Callable[..., Any]) -> Callable[..., Any]:
    """An instruction from vectors or masks to a mask, half by half."""

    def emit(builder: Any, *values: Any) -> Any:
        halves = zip(*(_halves(builder, value) for value in values), strict=True)
        return _mask(builder, [instruction(builder, *one) for one in halves])

    return emit


for _name, _sign in (
    (operator.lt, "<"),
    (operator.le, "<="),
    (operator.gt, ">"),
    (operator.ge, ">="),
    (operator.eq, "=="),
):
    _binary(_name, mask, _by_halves(lambda b, x, y, _sign=_sign: b.fcmp_ordered(_sign, x, y)))  # type: ignore[misc]
_binary(operator.ne, mask, _by_halves(lambda b, x, y: b.fcmp_unordered("!=", x, y)))

_word(operator.neg, vector, lambda *args: args == (vector,), ((vector,),), lambda c, b, s, args: b.fneg(args[0]))
_word(
    operator.invert,
    mask,
    lambda *args: args == (mask,),
    ((mask,),),
    lambda c, b, s, args: _by_halves(lambda b, x: b.not_(x))(b, *args),
)
for _name, _instruction in ((operator.and_, "and_"), (operator.or_, "or_")):
    _word(
        _name,
        mask,
        lambda *args: args == (mask, mask),
        ((mask, mask),),
        lambda c, b, s, args, _op=_instruction: _by_halves(lambda b, x, y: getattr(b, _op)(x, y))(b, *args),
    )


def _emit_select(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    yes, no = (_vector_of(context, builder, v, t) for v, t in zip(args[1:], sig.args[1:], strict=True))
    halves = zip(*(_halves(builder, value) for value in (args[0], yes, no)), strict=True)
    return quick.joined(builder, [builder.select(*one) for one in halves])


_word(
    language.select,
    vector,
    lambda *args: len(args) == 3 and args[0] == mask and _value(args[1]) and _value(args[2]),
    tuple((mask, a, b) for a in _MIXES for b in _MIXES),
    _emit_select,
)


def _llvm(name: str) -> Callable[..., Any]:
    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        values = [_vector_of(context, builder, v, t) for v, t in zip(args, sig.args, strict=True)]
        return quick.call(builder, name, *values)

    return emit


def _emit_divide(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """Periods are whole numbers, and divide faster than others."""
    if quick.HAS_FMA and isinstance(sig.args[1], types.Integer):
        number = context.cast(builder, args[1], sig.args[1], types.float64)
        return quick.divide_by_whole(builder, args[0], number)
    return builder.fdiv(*(_vector_of(context, builder, v, t) for v, t in zip(args, sig.args, strict=True)))


for _name in (operator.truediv, operator.itruediv):
    _word(
        _name, vector, lambda *args: len(args) == 2 and vector in args and all(map(_value, args)), _PAIRS, _emit_divide
    )


def _emit_log(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """Lane by lane with the C library's log, as the GPU's test on the host does."""
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_DOUBLE, [_DOUBLE]), "log")
    result = args[0]
    for lane in range(WIDTH):
        place = ir.IntType(32)(lane)
        result = builder.insert_element(
            result, builder.call(function, [builder.extract_element(args[0], place)]), place
        )
    return result


_word(
    language.root, vector, lambda *args: args == (vector,), ((vector,),), lambda c, b, s, args: quick.root(b, args[0])
)
_word(language.floor, vector, lambda *args: args == (vector,), ((vector,),), _llvm("floor"))
_word(language.log, vector, lambda *args: args == (vector,), ((vector,),), _emit_log)
_word(
    language.fma,
    vector,
    lambda *args: len(args) == 3 and vector in args and all(map(_value, args)),
    tuple((a, b, c) for a in _MIXES for b in _MIXES for c in _MIXES if vector in (a, b, c)),
    _llvm("fma"),
)


def row_address(builder: Any, base: Any, row: Any) -> Any:
    """The address of a row of a series, as one of vectors."""
    place = builder.gep(base, [builder.mul(row, ir.Constant(row.type, WIDTH))])
    return builder.bitcast(place, ir.PointerType(_VECTOR))


@infer_global(operator.getitem)
class _ReadTyping(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        if len(args) == 2 and args[0] == rows and isinstance(args[1], types.Integer):
            return signature(vector, rows, types.intp)
        return None


@infer_global(operator.setitem)
class _WriteTyping(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        if len(args) == 3 and isinstance(args[1], types.Integer):
            if args[0] == rows and _value(args[2]):
                return signature(types.none, rows, types.intp, args[2])
            if args[0] == bits and args[2] == mask:
                return signature(types.none, bits, types.intp, mask)
        return None


@lower_builtin(operator.getitem, rows, types.intp)
def _read(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return builder.load(row_address(builder, *args), align=ALIGN)


@lower_builtin(operator.setitem, rows, types.intp, vector)
@lower_builtin(operator.setitem, rows, types.intp, types.Float)
@lower_builtin(operator.setitem, rows, types.intp, types.Integer)
def _write(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    value = _vector_of(context, builder, args[2], sig.args[2])
    builder.store(value, row_address(builder, args[0], args[1]), align=ALIGN)
    return context.get_dummy_value()


@lower_builtin(operator.setitem, bits, types.intp, mask)
def _write_bits(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    byte = ir.IntType(WIDTH // 2)
    place = builder.bitcast(builder.gep(args[0], [args[1]]), ir.PointerType(byte))
    for number, half in enumerate(_halves(builder, args[2])):
        builder.store(builder.bitcast(half, byte), builder.gep(place, [ir.IntType(32)(number)]))
    return context.get_dummy_value()


for _helper in language.HELPERS:
    register_jitable(_helper)
