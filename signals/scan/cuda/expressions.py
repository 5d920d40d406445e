"""Expressions of the language as C. Every one is put in parentheses, so C's precedence never matters."""

import ast
import math
from collections.abc import Callable
from typing import Any, NoReturn

from signals.domain.indicators import language
from signals.scan.cuda.shapes import NUMERIC, TRUTHS, Shape, TranslationError, joined

WIDTH_NAME = "XRAY_WIDTH"
_ARITHMETIC: dict[type, str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}
_WHOLE: dict[type, str] = {ast.FloorDiv: "xray_floordiv", ast.Mod: "xray_mod"}
_LOGIC: dict[type, str] = {ast.BitAnd: "&&", ast.BitOr: "||"}
_COMPARE: dict[type, str] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
_UNARY: dict[str, str] = {"root": "sqrt", "floor": "floor", "log": "log"}
_BUILTINS: dict[str, Any] = {"min": min, "max": max, "int": int, "float": float}
Text = tuple[str, Shape]


class Expressions:
    """Translates expressions of one function; `types` holds what is known of its variables so far."""

    def __init__(self, name: str, where: str, first_line: int, scope: dict[str, Any], call_helper: Any) -> None:
        self.name, self.where, self.first_line = name, where, first_line
        self.scope, self.call_helper = scope, call_helper
        self.types: dict[str, Shape] = {}
        self.parameters: dict[str, Shape] = {}

    def refuse(self, node: ast.AST, why: str) -> NoReturn:
        """Stop with the place and the construct."""
        line = self.first_line + getattr(node, "lineno", 1) - 1
        construct = ast.unparse(node).splitlines()[0][:80]
        raise TranslationError(f"{self.name} ({self.where}:{line}): `{construct}`: {why}")

    def of(self, node: ast.expr) -> Text:
        """C text and type of an expression."""
        maker: Callable[..., Text] | None = getattr(self, f"_{type(node).__name__.lower()}", None)
        if maker is None:
            self.refuse(node, f"{type(node).__name__} is not part of the language.")
        return maker(node)

    def one_of(self, node: ast.expr, shapes: tuple[Shape, ...], what: str) -> str:
        """C text of an expression that must be of one of these types."""
        text, shape = self.of(node)
        if shape not in shapes:
            self.refuse(node, f"{what}, and this is {shape.name.lower()}.")
        return text

    def row(self, node: ast.Subscript) -> tuple[str, str]:
        """The variable and the C text of `series[index]`."""
        if not isinstance(node.value, ast.Name) or isinstance(node.slice, ast.Slice | ast.Tuple):
            self.refuse(node, "only name[whole number] can be read or written.")
        if self.known(node.value) not in (Shape.ROWS, Shape.BITS):
            self.refuse(node, f"{node.value.id} is no series.")
        index = self.one_of(node.slice, (Shape.INT,), "an index is a whole number")
        return node.value.id, f"v_{node.value.id}[{index} * {WIDTH_NAME}]"

    def known(self, node: ast.Name) -> Shape:
        """The type of a variable."""
        if node.id not in self.types:
            self.refuse(node, "it is read before it has a value.")
        return self.types[node.id]

    def _name(self, node: ast.Name) -> Text:
        if node.id in self.types:
            return f"v_{node.id}", self.types[node.id]
        value = self.scope.get(node.id)
        if not isinstance(value, int | float):
            self.refuse(node, "it is neither a variable with a value nor a number of the module.")
        return self._literal(node, value)

    def _constant(self, node: ast.Constant) -> Text:
        return self._literal(node, node.value)

    def _literal(self, node: ast.expr, value: object) -> Text:
        if isinstance(value, bool):
            return ("true" if value else "false"), Shape.BOOL
        if isinstance(value, int) and abs(value) < 2**62:
            return f"{value}LL" if value >= 0 else f"({value}LL)", Shape.INT
        if not isinstance(value, float):
            self.refuse(node, "only numbers and truth values are known.")
        if math.isnan(value):
            return "XRAY_NAN", Shape.NUMBER
        if math.isinf(value):
            return ("XRAY_INF" if value > 0 else "(-XRAY_INF)"), Shape.NUMBER
        return f"({value!r})", Shape.NUMBER

    def _subscript(self, node: ast.Subscript) -> Text:
        name, text = self.row(node)
        return (f"({text} != 0)", Shape.MASK) if self.types[name] is Shape.BITS else (text, Shape.VALUE)

    def _binop(self, node: ast.BinOp) -> Text:
        operator = type(node.op)
        (a, left), (b, right) = self.of(node.left), self.of(node.right)
        both = joined(left, right)
        if operator in _LOGIC and both in TRUTHS:
            return f"({a} {_LOGIC[operator]} {b})", both  # type: ignore[return-value]
        if both not in NUMERIC:
            self.refuse(node, f"{left.name.lower()} and {right.name.lower()} cannot be combined so.")
        if operator in _WHOLE and both is Shape.INT:
            return f"{_WHOLE[operator]}({a}, {b})", Shape.INT
        if operator is ast.Div:
            return f"((double){a} / (double){b})", joined(both, Shape.NUMBER)  # type: ignore[return-value, arg-type]
        if operator not in _ARITHMETIC:
            self.refuse(node, "operators are + - * / on values, and // % on whole numbers.")
        return f"({a} {_ARITHMETIC[operator]} {b})", both  # type: ignore[return-value]

    def _unaryop(self, node: ast.UnaryOp) -> Text:
        text, shape = self.of(node.operand)
        if isinstance(node.op, ast.USub) and shape in NUMERIC:
            return f"(-{text})", shape
        if isinstance(node.op, ast.Invert) and shape is Shape.MASK:
            return f"(!{text})", shape
        if isinstance(node.op, ast.Not) and shape is Shape.BOOL:
            return f"(!{text})", shape
        return self.refuse(node, "signs are -value, ~mask and `not` of what is the same for all lanes.")

    def _compare(self, node: ast.Compare) -> Text:
        nodes = [node.left, *node.comparators]
        parts = [self.of(one) for one in nodes]
        if any(shape not in NUMERIC for _, shape in parts) or any(type(op) not in _COMPARE for op in node.ops):
            self.refuse(node, "only numbers are compared, by < <= > >= == !=.")
        shape = Shape.MASK if any(shape is Shape.VALUE for _, shape in parts) else Shape.BOOL
        if shape is Shape.MASK and len(parts) > 2:
            self.refuse(node, "a chain of comparisons of values is no mask; write (a < b) & (b < c).")
        texts = [f"({parts[i][0]} {_COMPARE[type(op)]} {parts[i + 1][0]})" for i, op in enumerate(node.ops)]
        return (texts[0] if len(texts) == 1 else f"({' && '.join(texts)})"), shape

    def _boolop(self, node: ast.BoolOp) -> Text:
        word = "&&" if isinstance(node.op, ast.And) else "||"
        what = "`and` and `or` take what is the same for all lanes (masks: & and |)"
        return "(" + f" {word} ".join(self.one_of(one, (Shape.BOOL,), what) for one in node.values) + ")", Shape.BOOL

    def _ifexp(self, node: ast.IfExp) -> Text:
        test = self.one_of(node.test, (Shape.BOOL,), "what differs between lanes is chosen by select()")
        (yes, left), (no, right) = self.of(node.body), self.of(node.orelse)
        both = joined(left, right)
        if both is None or both in (Shape.ROWS, Shape.BITS):
            self.refuse(node, "its two sides are of different types.")
        return f"({test} ? ({both.c}){yes} : ({both.c}){no})", both

    def _call(self, node: ast.Call) -> Text:
        text, shape = self.call(node)
        if isinstance(shape, tuple):
            self.refuse(node, "it gives several values; assign them to names.")
        return text, shape

    def call(self, node: ast.Call) -> tuple[str, Shape | tuple[Shape, ...]]:
        """C text and type of a call; a tuple of types for a helper that returns several values."""
        if not isinstance(node.func, ast.Name) or node.keywords:
            self.refuse(node, "calls are name(values).")
        word = self.scope.get(node.func.id, _BUILTINS.get(node.func.id))
        if word in language.HELPERS:
            return self.call_helper(self, node, word)  # type: ignore[no-any-return]
        maker = _WORDS.get(word) if callable(word) else None
        if maker is None:
            self.refuse(node, f"{node.func.id} is no word of the language and no @helper.")
        return maker(self, node)


def _select(on: Expressions, node: ast.Call) -> Text:
    _arguments(on, node, 3)
    test = on.one_of(node.args[0], TRUTHS, "select() begins with a mask")
    yes, no = (on.one_of(one, NUMERIC, "select() chooses between numbers") for one in node.args[1:])
    return f"({test} ? (double){yes} : (double){no})", Shape.VALUE


def _function(name: str, count: int) -> Callable[[Expressions, ast.Call], Text]:
    def made(on: Expressions, node: ast.Call) -> Text:
        _arguments(on, node, count)
        parts = [on.one_of(one, NUMERIC, f"{name}() takes numbers") for one in node.args]
        return f"{name}({', '.join(f'(double){part}' for part in parts)})", Shape.VALUE

    return made


def _extreme(name: str) -> Callable[[Expressions, ast.Call], Text]:
    def made(on: Expressions, node: ast.Call) -> Text:
        if len(node.args) < 2:
            on.refuse(node, f"{name}() takes two whole numbers or more.")
        what = f"{name}() takes whole numbers (values: larger() and smaller())"
        texts = [on.one_of(one, (Shape.INT,), what) for one in node.args]
        result = texts[0]
        for text in texts[1:]:
            result = f"xray_{name}({result}, {text})"
        return result, Shape.INT

    return made


def _cast(shape: Shape) -> Callable[[Expressions, ast.Call], Text]:
    def made(on: Expressions, node: ast.Call) -> Text:
        _arguments(on, node, 1)
        what = "only what is the same for all lanes can be converted"
        return f"(({shape.c}){on.one_of(node.args[0], (Shape.INT, Shape.NUMBER), what)})", shape

    return made


def _arguments(on: Expressions, node: ast.Call, count: int) -> None:
    if len(node.args) != count or any(isinstance(one, ast.Starred) for one in node.args):
        on.refuse(node, f"it takes {count} values.")


_WORDS: dict[Any, Callable[[Expressions, ast.Call], Text]] = {
    language.select: _select,
    language.fma: _function("fma", 3),
    **{getattr(language, word): _function(name, 1) for word, name in _UNARY.items()},
    min: _extreme("min"),
    max: _extreme("max"),
    int: _cast(Shape.INT),
    float: _cast(Shape.NUMBER),
}
