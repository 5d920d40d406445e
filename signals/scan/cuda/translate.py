"""From a function of the language (see `signals.domain.indicators.language`) to C that CUDA's and the host's compilers
take: one lane a call. A series is a pointer to values XRAY_WIDTH apart; a helper becomes one function for each way its
arguments are typed. Whatever is outside the language is refused by name, file, line and construct.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from signals.scan.cuda.expressions import Expressions
from signals.scan.cuda.shapes import Shape, TranslationError, shape_of_annotation
from signals.scan.cuda.statements import Statements, tuple_name

__all__ = ["Parameter", "Shape", "TranslationError", "Unit"]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a translated function."""

    name: str
    shape: Shape


class Unit:
    """C text of some functions and of the helpers they call, each helper once."""

    def __init__(self) -> None:
        self.structs: dict[str, str] = {}
        self.functions: list[str] = []
        self._helpers: dict[tuple[Any, tuple[Shape, ...]], tuple[str, Shape | tuple[Shape, ...]]] = {}
        self._open: list[Any] = []

    @property
    def text(self) -> str:
        """Everything in an order in which C can read it."""
        return "\n".join([*self.structs.values(), *self.functions])

    def add(self, function: Callable[..., Any], c_name: str, inputs: tuple[str, ...] = ()) -> tuple[Parameter, ...]:
        """Translate a function by its annotations and give its parameters; those named in `inputs` are only read.

        Raises TranslationError.
        """
        tree, statements = self._prepared(function)
        statements.inputs = frozenset(inputs)
        for argument in tree.args.args:
            shape = shape_of_annotation(argument.annotation)
            if shape is None:
                statements.refuse(argument, "a parameter is annotated as Rows, int or float.")
            statements.parameters[argument.arg] = shape
        return self._add(tree, statements, c_name)

    def add_text(
        self, text: str, scope: dict[str, Any], c_name: str, shapes: tuple[Shape, ...]
    ) -> tuple[Parameter, ...]:
        """The same for the source of one function whose parameters are of these types; `scope` holds what it calls."""
        tree, statements = self._parsed(text, 1, f"<{c_name}>", scope)
        statements.parameters.update(zip((one.arg for one in tree.args.args), shapes, strict=True))
        return self._add(tree, statements, c_name)

    def _add(self, tree: ast.FunctionDef, statements: Statements, c_name: str) -> tuple[Parameter, ...]:
        lines, local = self._translated(tree, statements)
        self.functions.append(_function_text("void", c_name, statements, local, lines))
        return tuple(Parameter(name, shape) for name, shape in statements.parameters.items())

    def _helper(self, on: Expressions, node: ast.Call, function: Any) -> tuple[str, Shape | tuple[Shape, ...]]:
        parts = [on.of(one) for one in node.args]
        shapes = tuple(shape for _, shape in parts)
        if (function, shapes) not in self._helpers:
            if function in self._open:
                on.refuse(node, "a helper cannot call itself.")
            self._open.append(function)
            self._helpers[function, shapes] = self._helper_add(on, node, function, shapes)
            self._open.pop()
        name, result = self._helpers[function, shapes]
        return f"{name}({', '.join(text for text, _ in parts)})", result

    def _helper_add(
        self, on: Expressions, node: ast.Call, function: Any, shapes: tuple[Shape, ...]
    ) -> tuple[str, Shape | tuple[Shape, ...]]:
        tree, statements = self._prepared(function)
        names = [argument.arg for argument in tree.args.args]
        if len(names) != len(shapes):
            on.refuse(node, f"it takes {', '.join(names)}.")
        statements.inputs, statements.is_helper = frozenset(), True
        statements.parameters.update(zip(names, shapes, strict=True))
        lines, local = self._translated(tree, statements)
        if statements.returned is None or tuple(statements.parameters.values()) != shapes:
            on.refuse(node, "a helper returns something, and writes masks to no series.")
        c_name = f"h{len(self._helpers)}_{function.__name__}_{''.join(shape.letter for shape in shapes)}"
        self.functions.append(_function_text(self._result_type(statements.returned), c_name, statements, local, lines))
        return c_name, statements.returned

    def _result_type(self, result: Shape | tuple[Shape, ...]) -> str:
        if isinstance(result, Shape):
            return result.c
        name = tuple_name(result)
        fields = " ".join(f"{shape.c} f{place};" for place, shape in enumerate(result))
        self.structs[name] = f"struct {name} {{ {fields} }};"
        return name

    def _prepared(self, function: Callable[..., Any]) -> tuple[ast.FunctionDef, Statements]:
        lines, first = inspect.getsourcelines(function)
        where = Path(inspect.getsourcefile(function) or "?").name
        return self._parsed(textwrap.dedent("".join(lines)), first, where, dict(function.__globals__))

    def _parsed(
        self, text: str, first_line: int, where: str, scope: dict[str, Any]
    ) -> tuple[ast.FunctionDef, Statements]:
        tree = ast.parse(text).body[0]
        if not isinstance(tree, ast.FunctionDef):
            raise TranslationError(f"{where}:{first_line} is not written as a function.")
        statements = Statements(tree.name, where, first_line, scope, self._helper)
        given = tree.args
        if given.vararg or given.kwarg or given.kwonlyargs or given.posonlyargs or given.defaults:
            statements.refuse(tree, "parameters are plain names without defaults.")
        return tree, statements

    @staticmethod
    def _translated(tree: ast.FunctionDef, statements: Statements) -> tuple[list[str], dict[str, Shape]]:
        statements.types = dict(statements.parameters)
        return statements.body(tree.body)


def _function_text(result: str, name: str, of: Statements, local: dict[str, Shape], lines: list[str]) -> str:
    read = {one for one, shape in of.parameters.items() if shape in (Shape.ROWS, Shape.BITS)} - set(of.written)
    listed = [f"{'const ' if one in read else ''}{shape.c} v_{one}" for one, shape in of.parameters.items()]
    declared = [f"    {shape.c} v_{one} = 0;" for one, shape in local.items()]
    return "\n".join([f"XRAY_FN {result} {name}({', '.join(listed)}) {{", *declared, *lines, "}"])
