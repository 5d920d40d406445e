"""What can be said of a strategy's file without running it: syntax, imports, names. Each finding names its line.

This is for clear messages; what holds a strategy is its process (see `signals.custom.sandbox`).
"""

import ast
from collections.abc import Iterator

from signals.custom.allowed import ALLOWED, FORBIDDEN_NAMES, MODULES
from signals.custom.report import Finding

SIZE_LIMIT = 262_144  # characters


def static_findings(source: str) -> list[Finding]:
    """Everything wrong at first sight, by line; nothing of the file is executed."""
    if len(source) > SIZE_LIMIT or "\0" in source:
        return [Finding("syntax", f"The file must be Python text of at most {SIZE_LIMIT:,} characters.")]
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 0
        return [Finding("syntax", f"This is no Python 3.11: {error}.", line, _line(source, line))]
    return [
        Finding(rule, message, line, _line(source, line)) for line, rule, message in sorted(set(_wrong(tree)))
    ]  # fmt: skip


def _wrong(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    for node in ast.walk(tree):
        for name in _imported(node):
            if name not in MODULES and not name.startswith("signals.domain."):
                yield node.lineno, "import", f"A strategy cannot import {name!r}. {ALLOWED}"  # type: ignore[attr-defined]
        if isinstance(node, ast.Name) and node.id in FORBIDDEN_NAMES:
            yield node.lineno, "import", f"A strategy cannot use {node.id}: it computes from its lanes, nothing else."
        if isinstance(node, (ast.AsyncFunctionDef, ast.Await, ast.Global)):
            yield node.lineno, "state", "Neither async nor global: a strategy keeps nothing between two calls."


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or "."] if not node.level else ["." * node.level + (node.module or "")]
    return []


def _line(source: str, line: int) -> str:
    lines = source.splitlines()
    return lines[line - 1].strip()[:240] if 0 < line <= len(lines) else ""
