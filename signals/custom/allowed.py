"""What the file of a custom strategy may import: numpy, a few modules of the standard library, and this contract."""

PRELOADED = (
    "abc", "bisect", "collections", "collections.abc", "dataclasses", "datetime", "decimal", "enum", "fractions",
    "functools", "heapq", "itertools", "math", "numbers", "operator", "statistics", "string", "textwrap", "types",
    "typing", "numpy", "numpy.fft", "numpy.lib.stride_tricks", "numpy.linalg", "numpy.ma", "numpy.polynomial",
    "numpy.random", "numpy.typing", "signals.domain.indicators.catalog", "signals.domain.lanes",
    "signals.domain.strategies", "signals.domain.strategies.base", "signals.domain.timeframes",
)  # fmt: skip
MODULES = frozenset(PRELOADED) | {"__future__"}
ALLOWED = (
    "It may import numpy, math, statistics, collections, dataclasses, functools, itertools, typing and the like, and "
    "signals.domain (the contract, indicators, lanes)."
)
FORBIDDEN_NAMES = frozenset({"open", "exec", "eval", "compile", "__import__", "input", "breakpoint", "globals"})
