"""The types of the language, and what each is in C."""

import ast
from enum import Enum


class Shape(Enum):
    """INT, NUMBER and BOOL are the same for all lanes, VALUE and MASK differ; ROWS are values of a series, BITS masks.

    Each has one letter, by which instances of helpers are told apart, and its name in C.
    """

    INT = ("i", "i64")
    NUMBER = ("n", "double")
    VALUE = ("v", "double")
    BOOL = ("b", "bool")
    MASK = ("m", "bool")
    ROWS = ("r", "double *")
    BITS = ("t", "unsigned char *")

    @property
    def letter(self) -> str:
        """One letter for names."""
        return self.value[0]

    @property
    def c(self) -> str:
        """The type in C."""
        return self.value[1]


NUMERIC = (Shape.INT, Shape.NUMBER, Shape.VALUE)  # in the order in which they widen
TRUTHS = (Shape.BOOL, Shape.MASK)
_ANNOTATIONS = {"Rows": Shape.ROWS, "int": Shape.INT, "float": Shape.NUMBER, "bool": Shape.BOOL}


class TranslationError(ValueError):
    """Something outside the language; the text names function, file, line and construct."""


def joined(one: Shape, other: Shape) -> Shape | None:
    """The type that holds both, None when there is none."""
    if one is other:
        return one
    for order in (NUMERIC, TRUTHS):
        if one in order and other in order:
            return order[max(order.index(one), order.index(other))]
    return None


def shape_of_annotation(node: ast.expr | None) -> Shape | None:
    """The type of an annotated parameter, None when the annotation says nothing the language knows."""
    return None if node is None else _ANNOTATIONS.get(ast.unparse(node).split(".")[-1])
