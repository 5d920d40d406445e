"""A strategy's `decide` as a formula: it is called once with symbols instead of arrays, and what it does with them is
noted.

The formula is then written out as one function in the language of indicators (`signals.domain.indicators.language`) and
compiled for the CPU and the GPU, so that a readable array program costs what hand-written machine code costs. `decide`
itself stays the meaning: tests hold both to the same bits. Arithmetic, comparisons, `& | ~`, `np.abs`, `np.sqrt`,
`np.maximum`, `np.minimum`, `np.where` and `before` can be noted; a strategy that does anything else raises
`NotTraceable` and is run as it is.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from signals.domain.lanes import Lanes

NUMBER, TRUTH = "number", "truth"


class NotTraceable(TypeError):
    """The strategy does something that cannot be noted; it works all the same, only slower."""


class Symbol:
    """A number or a truth value of every candle: an operation and what it is applied to. Immutable."""

    __slots__ = ("args", "kind", "op")
    __array_priority__ = 1000

    def __init__(self, op: str, args: tuple[Any, ...], kind: str = NUMBER) -> None:
        self.op, self.args, self.kind = op, args, kind

    def __add__(self, other: Any) -> "Symbol":
        return Symbol("+", (self, other))

    def __radd__(self, other: Any) -> "Symbol":
        return Symbol("+", (other, self))

    def __sub__(self, other: Any) -> "Symbol":
        return Symbol("-", (self, other))

    def __rsub__(self, other: Any) -> "Symbol":
        return Symbol("-", (other, self))

    def __mul__(self, other: Any) -> "Symbol":
        return Symbol("*", (self, other))

    def __rmul__(self, other: Any) -> "Symbol":
        return Symbol("*", (other, self))

    def __truediv__(self, other: Any) -> "Symbol":
        return Symbol("/", (self, other))

    def __rtruediv__(self, other: Any) -> "Symbol":
        return Symbol("/", (other, self))

    def __neg__(self) -> "Symbol":
        return Symbol("neg", (self,))

    def __abs__(self) -> "Symbol":
        return Symbol("size", (self,))

    def __lt__(self, other: Any) -> "Symbol":
        return Symbol("<", (self, other), TRUTH)

    def __le__(self, other: Any) -> "Symbol":
        return Symbol("<=", (self, other), TRUTH)

    def __gt__(self, other: Any) -> "Symbol":
        return Symbol(">", (self, other), TRUTH)

    def __ge__(self, other: Any) -> "Symbol":
        return Symbol(">=", (self, other), TRUTH)

    def __eq__(self, other: object) -> "Symbol":  # type: ignore[override]
        return Symbol("==", (self, other), TRUTH)

    def __ne__(self, other: object) -> "Symbol":  # type: ignore[override]
        return Symbol("!=", (self, other), TRUTH)

    __hash__ = object.__hash__

    def __and__(self, other: Any) -> "Symbol":
        return Symbol("&", (_truth(self), _truth(other)), TRUTH)

    def __or__(self, other: Any) -> "Symbol":
        return Symbol("|", (_truth(self), _truth(other)), TRUTH)

    def __invert__(self) -> "Symbol":
        return Symbol("~", (_truth(self),), TRUTH)

    def __bool__(self) -> bool:
        raise NotTraceable("`if` on the values of candles: use np.where.")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> "Symbol":
        if method != "__call__" or options or ufunc not in _UFUNCS:
            raise NotTraceable(f"np.{ufunc.__name__} cannot be noted.")
        return _UFUNCS[ufunc](*inputs)  # type: ignore[no-any-return]

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> "Symbol":
        if function is not np.where or options or len(args) != 3:
            raise NotTraceable(f"np.{function.__name__} cannot be noted.")
        return Symbol("select", (_truth(args[0]), args[1], args[2]))


def _truth(value: Any) -> Symbol:
    if not isinstance(value, Symbol) or value.kind != TRUTH:
        raise NotTraceable("`&`, `|`, `~` and np.where need comparisons.")
    return value


def _operator(symbol: str, kind: str = NUMBER) -> Any:
    return lambda a, b: Symbol(symbol, (a, b), kind)


_UFUNCS: dict[Any, Any] = {
    np.add: _operator("+"), np.subtract: _operator("-"), np.multiply: _operator("*"), np.true_divide: _operator("/"),
    np.less: _operator("<", TRUTH), np.less_equal: _operator("<=", TRUTH),
    np.greater: _operator(">", TRUTH), np.greater_equal: _operator(">=", TRUTH),
    np.equal: _operator("==", TRUTH), np.not_equal: _operator("!=", TRUTH),
    np.bitwise_and: lambda a, b: Symbol("&", (_truth(a), _truth(b)), TRUTH),
    np.bitwise_or: lambda a, b: Symbol("|", (_truth(a), _truth(b)), TRUTH),
    np.invert: lambda a: ~a, np.negative: lambda a: -a, np.absolute: abs,
    np.sqrt: lambda a: Symbol("root", (a,)),
    np.maximum: lambda a, b: Symbol("maximum", (a, b)), np.minimum: lambda a, b: Symbol("minimum", (a, b)),
}  # fmt: skip


def shifted(value: Symbol, candles: int) -> Symbol:
    """The value of so many candles earlier."""
    return Symbol("before", (value, candles), value.kind)


class SymbolicLanes(Lanes):
    """What `decide` sees while it is noted: a symbol for each candle field and each column."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        named = {name: Symbol("column", (name,)) for name in columns}
        fields = {name: Symbol("field", (name,)) for name in ("open", "high", "low", "close", "volume")}
        super().__init__(**fields, columns=named)  # type: ignore[arg-type]


class Told(float):
    """A parameter's value that knows its name, so that the formula does not depend on the value."""

    name: str

    def __new__(cls, name: str, value: float) -> "Told":
        """The value, with its name."""
        told = super().__new__(cls, value)
        told.name = name
        return told


def told(values: Mapping[str, float]) -> dict[str, Any]:
    """Fractions become `Told`; whole numbers (they pick columns and distances) stay part of the formula."""
    return {name: value if isinstance(value, int) else Told(name, value) for name, value in values.items()}
