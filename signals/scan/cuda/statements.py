"""Statements of the language as C. A pass over the text both learns types and writes; it is repeated until nothing new
is learned, and then what it wrote is right.
"""

import ast
from itertools import count
from typing import Any, TypeGuard

from signals.scan.cuda.expressions import Expressions
from signals.scan.cuda.shapes import NUMERIC, TRUTHS, Shape, joined

Result = Shape | tuple[Shape, ...] | None


class Statements(Expressions):
    """Translates the body of one function. `inputs` are the series that are only read, `written` those that are written
    and with what.
    """

    returned: Result = None
    is_helper = False

    def __init__(self, name: str, where: str, first_line: int, scope: dict[str, Any], call_helper: Any) -> None:
        super().__init__(name, where, first_line, scope, call_helper)
        self.inputs: frozenset[str] = frozenset()
        self.written: dict[str, Shape] = {}

    def body(self, nodes: list[ast.stmt]) -> tuple[list[str], dict[str, Shape]]:
        """C lines, and the local variables with their types."""
        while True:
            before = dict(self.types)
            lines: list[str] = []
            self._numbers = count(1)
            self._assigned = set(self.parameters)
            self._local = {one.id for node in nodes for one in ast.walk(node) if _is_stored(one)}
            self.lines(nodes, lines, "    ")
            if self.types == before:
                return lines, {name: shape for name, shape in self.types.items() if name not in self.parameters}

    def lines(self, nodes: list[ast.stmt], out: list[str], indent: str) -> None:
        """Write some statements."""
        for node in nodes:
            writer = getattr(self, f"_{type(node).__name__.lower()}_write", None)
            if writer is None:
                self.refuse(node, f"{type(node).__name__} is not part of the language.")
            writer(node, out, indent)

    def known(self, node: ast.Name) -> Shape:
        """The type of a variable that was assigned above."""
        if node.id not in self._assigned:
            self.refuse(node, "it is read before it has a value.")
        return super().known(node)

    def _name(self, node: ast.Name) -> tuple[str, Shape]:
        if node.id in self._local and node.id not in self._assigned:
            self.refuse(node, "it is read before it has a value.")
        return super()._name(node)

    def _learn(self, node: ast.AST, name: str, shape: Shape) -> None:
        if shape in (Shape.ROWS, Shape.BITS):
            self.refuse(node, "a series has one name.")
        both = joined(self.types.get(name, shape), shape)
        if both is None or (name in self.parameters and both is not self.parameters[name]):
            self.refuse(node, f"{name} was {self.types[name].name.lower()} and would become {shape.name.lower()}.")
        self.types[name] = both
        self._assigned.add(name)

    def _expr_write(self, node: ast.Expr, out: list[str], indent: str) -> None:
        if not (isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)):
            self.refuse(node, "a value that nobody takes.")

    def _pass_write(self, node: ast.Pass, out: list[str], indent: str) -> None:
        out.append(f"{indent};")

    def _break_write(self, node: ast.Break, out: list[str], indent: str) -> None:
        out.append(f"{indent}break;")

    def _continue_write(self, node: ast.Continue, out: list[str], indent: str) -> None:
        out.append(f"{indent}continue;")

    def _assign_write(self, node: ast.Assign, out: list[str], indent: str) -> None:
        if len(node.targets) != 1:
            self.refuse(node, "one name a line.")
        target = node.targets[0]
        if isinstance(target, ast.Tuple):
            self._unpack(node, target, out, indent)
        else:
            self._store(node, target, self.of(node.value), out, indent)

    def _augassign_write(self, node: ast.AugAssign, out: list[str], indent: str) -> None:
        read = ast.copy_location(ast.parse(ast.unparse(node.target), mode="eval").body, node)
        both = ast.copy_location(ast.BinOp(read, node.op, node.value), node)
        self._store(node, node.target, self.of(ast.fix_missing_locations(both)), out, indent)

    def _store(self, node: ast.stmt, target: ast.expr, value: tuple[str, Shape], out: list[str], indent: str) -> None:
        text, shape = value
        if isinstance(target, ast.Name):
            self._learn(node, target.id, shape)
            out.append(f"{indent}v_{target.id} = {text};")
        elif isinstance(target, ast.Subscript):
            name, place = self.row(target)
            self._learn_series(node, name, shape)
            out.append(f"{indent}{place} = {text};")
        else:
            self.refuse(node, "only names and name[whole number] are assigned.")

    def _learn_series(self, node: ast.stmt, name: str, shape: Shape) -> None:
        if name in self.inputs:
            self.refuse(node, f"{name} is an input, and inputs are only read.")
        wanted = Shape.ROWS if shape in NUMERIC else Shape.BITS if shape in TRUTHS else None
        if wanted is None or (name in self.written and self.written[name] is not wanted):
            self.refuse(node, f"{name} holds values or masks, not both.")
        self.written[name] = self.types[name] = self.parameters[name] = wanted

    def _unpack(self, node: ast.Assign, target: ast.Tuple, out: list[str], indent: str) -> None:
        names = [one.id for one in target.elts if isinstance(one, ast.Name)]
        if len(names) != len(target.elts):
            self.refuse(node, "several values are assigned to names.")
        parts = self._parts(node, out, indent)
        if len(parts) != len(names):
            self.refuse(node, f"{len(parts)} values for {len(names)} names.")
        for name, (text, shape) in zip(names, parts, strict=True):
            self._learn(node, name, shape)
            out.append(f"{indent}v_{name} = {text};")

    def _parts(self, node: ast.Assign, out: list[str], indent: str) -> list[tuple[str, Shape]]:
        number = next(self._numbers)
        if isinstance(node.value, ast.Tuple):
            parts = [self.of(one) for one in node.value.elts]
            for place, (text, shape) in enumerate(parts):
                out.append(f"{indent}const {shape.c} p{number}_{place} = {text};")
            return [(f"p{number}_{place}", shape) for place, (_, shape) in enumerate(parts)]
        if isinstance(node.value, ast.Call):
            text, shapes = self.call(node.value)
            if isinstance(shapes, tuple):
                out.append(f"{indent}const {tuple_name(shapes)} p{number} = {text};")
                return [(f"p{number}.f{place}", shape) for place, shape in enumerate(shapes)]
        return self.refuse(node, "several names take the values of a helper or of a tuple.")

    def _return_write(self, node: ast.Return, out: list[str], indent: str) -> None:
        if not self.is_helper:
            self.refuse(node, "only a helper returns; a kind writes its columns.")
        if node.value is None:
            self.refuse(node, "a helper returns a value.")
        if isinstance(node.value, ast.Tuple):
            parts = [self.of(one) for one in node.value.elts]
            self._learn_result(node, tuple(shape for _, shape in parts))
            out.append(f"{indent}return {{{', '.join(f'({shape.c}){text}' for text, shape in parts)}}};")
            return
        text, shape = self.of(node.value)
        self._learn_result(node, shape)
        out.append(f"{indent}return {text};")

    def _learn_result(self, node: ast.Return, result: Shape | tuple[Shape, ...]) -> None:
        old = self.returned
        if old is None or old == result:
            self.returned = result
        elif isinstance(old, Shape) and isinstance(result, Shape) and (both := joined(old, result)) is not None:
            self.returned = both
        else:
            self.refuse(node, "it returns different things in different places.")

    def _if_write(self, node: ast.If, out: list[str], indent: str) -> None:
        test = self.one_of(node.test, (Shape.BOOL,), "what differs between lanes is chosen by select(), not by `if`")
        out.append(f"{indent}if ({test}) {{")
        self.lines(node.body, out, indent + "    ")
        if node.orelse:
            out.append(f"{indent}}} else {{")
            self.lines(node.orelse, out, indent + "    ")
        out.append(f"{indent}}}")

    def _while_write(self, node: ast.While, out: list[str], indent: str) -> None:
        if node.orelse:
            self.refuse(node, "a loop has no else.")
        test = self.one_of(node.test, (Shape.BOOL,), "a loop ends for all lanes at once")
        out.append(f"{indent}while ({test}) {{")
        self.lines(node.body, out, indent + "    ")
        out.append(f"{indent}}}")

    def _for_write(self, node: ast.For, out: list[str], indent: str) -> None:
        ranged = isinstance(node.iter, ast.Call) and isinstance(node.iter.func, ast.Name)
        if not ranged or node.iter.func.id != "range" or node.orelse or not isinstance(node.target, ast.Name):  # type: ignore[attr-defined]
            self.refuse(node, "a loop is `for name in range(...)` without else.")
        begin, stop, step = self._range(node.iter)  # type: ignore[arg-type]
        number = next(self._numbers)
        self._learn(node, node.target.id, Shape.INT)
        counter, limit = f"c{number}", f"e{number}"
        sign = "<" if step > 0 else ">"
        out.append(
            f"{indent}for (i64 {counter} = {begin}, {limit} = {stop}; {counter} {sign} {limit}; {counter} += {step}) {{"
        )
        out.append(f"{indent}    v_{node.target.id} = {counter};")
        self.lines(node.body, out, indent + "    ")
        out.append(f"{indent}}}")

    def _range(self, node: ast.Call) -> tuple[str, str, int]:
        if not 1 <= len(node.args) <= 3 or node.keywords:
            self.refuse(node, "range takes one to three whole numbers.")
        texts = [self.one_of(one, (Shape.INT,), "range takes whole numbers") for one in node.args[:2]]
        begin, stop = texts if len(texts) == 2 else ("0LL", texts[0])
        try:
            step = ast.literal_eval(node.args[2]) if len(node.args) == 3 else 1
        except ValueError:
            step = 0
        if not isinstance(step, int) or step == 0:
            self.refuse(node, "the step is a number written there, not 0.")
        return begin, stop, step


def _is_stored(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def tuple_name(shapes: tuple[Shape, ...]) -> str:
    """Name of the struct that holds several returned values."""
    return "xray_" + "".join(shape.letter for shape in shapes)
