"""Columns of numbers in the admin's lists: fixed decimals, a true minus sign, aligned at the right."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

Column = Callable[[Any, Any], SafeString | str]


def number_column(
    name: str, words: str, decimals: int = 0, *, scale: float = 1.0, unit: str = "", signed: bool = False
) -> Column:
    """A column of the field `name`, times `scale`. Name the attribute `n_...`: its header is aligned by that."""

    @admin.display(description=words, ordering=name)
    def shown(_admin: Any, row: Any) -> SafeString | str:
        value = getattr(row, name)
        return "-" if value is None else number_told(scale * float(value), decimals, unit=unit, signed=signed)

    return shown


def number_told(value: float, decimals: int = 0, *, unit: str = "", signed: bool = False) -> SafeString:
    """A number for a cell."""
    text = f"{value:{'+' if signed else ''},.{decimals}f}".replace("-", "\N{MINUS SIGN}")
    return format_html('<span class="num">{}{}</span>', text, unit)
