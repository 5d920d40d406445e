"""Kinds of indicators as machine code: each is a C function with one signature, so that a plan is a table of addresses.

A kind is wrapped by a few generated lines that find its rows in the frame (`pass_cpu.frame_of`) and loop over blocks;
the file is written to the kernel folder because numba caches only what has a file. Each kind is compiled once, alone,
when first used; a plan with other kinds or other arguments compiles nothing that was compiled before.
"""

import hashlib
import importlib.util
import logging
import os
import sys
import threading
from functools import cache
from pathlib import Path
from types import ModuleType

from signals.domain.indicators.catalog import INPUTS, KINDS, Kind
from signals.domain.strategies.formula import Formula
from signals.scan.cache import cache_prepare

cache_prepare()

_lock = threading.RLock()
log = logging.getLogger(__name__)
_TEMPLATE = '''"""Made by signals.scan.build from the kind {name}."""
from numba import cfunc, njit, types

from signals.domain.indicators.catalog import KINDS
from signals.scan.memory import number_at, rows_at, word_at

kind = njit(nogil=True, error_model="numpy")(KINDS["{name}"].function)


@cfunc(types.void(*(types.int64,) * 9), cache=True, error_model="numpy")
def run(frame, entry, args, first, last, begin, end, age, tick):
    inputs, input_block, input_rows = word_at(frame, 0), word_at(frame, 1), word_at(frame, 2)
    state, state_block, state_row = word_at(frame, 3), word_at(frame, 4), word_at(entry, 1)
    columns, column_block, column_rows = word_at(frame, 5), word_at(frame, 6), word_at(frame, 7)
    column, bias = word_at(entry, 2), word_at(frame, 8)
    {told}
    for block in range(first, last):
        kind(
            {rows},
            begin, end, age, {rest}
        )
'''


_FORMULA = '''"""Made by signals.scan.build from what a strategy decides."""
from numba import cfunc, njit, types

from signals.domain.indicators.language import NAN, root, select, size
from signals.scan.memory import bits_at, number_at, rows_at, word_at


{text}

kernel = njit(nogil=True, error_model="numpy")(decide)


@cfunc(types.void(*(types.int64,) * 9), cache=True, error_model="numpy")
def run(frame, entry, args, first, last, begin, end, age, tick):
    inputs, input_block, input_rows = word_at(frame, 0), word_at(frame, 1), word_at(frame, 2)
    columns, column_block, column_rows = word_at(frame, 5), word_at(frame, 6), word_at(frame, 7)
    masks, mask_block, mask_rows = word_at(frame, 9), word_at(frame, 10), word_at(frame, 11)
    bias, mask_bias = word_at(frame, 8), word_at(frame, 12)
    mask, detail = word_at(entry, 1), word_at(entry, 2)
    {reads}
    for block in range(first, last):
        kernel(
            {rows},
            {rest}
        )
'''


@cache
def kind_address(name: str) -> int:
    """Address of the compiled kind; it is compiled (or loaded from the cache) at the first call.

    The function takes nine int64: the addresses of frame, plan entry and arguments, then first and last block, begin
    and end row, age and tick.
    """
    with _lock:
        return int(_module(f"kind_{name}", kind_source(KINDS[name])).run.address)


def kind_source(kind: Kind) -> str:
    """The generated lines around a kind."""
    given = [f"rows_at(inputs, block * input_block + {INPUTS.index(one)} * input_rows)" for one in kind.inputs]
    given += ["rows_at(state, block * state_block + state_row)"]
    given += [
        f"rows_at(columns, block * column_block + (column + {place}) * column_rows - bias)"
        for place in range(len(kind.columns))
    ]
    numbers = [f"number_at(args, {place})" for place in range(len(kind.whole))]
    typed = [f"int({text})" if whole else text for text, whole in zip(numbers, kind.whole, strict=True)]
    names = [f"told_{place}" for place in range(len(typed))]
    told = "; ".join(f"{name} = {text}" for name, text in zip(names, typed, strict=True))
    rest = ["tick", *names] if kind.has_tick else names
    return _TEMPLATE.format(name=kind.name, told=told, rows=",\n            ".join(given), rest=", ".join(rest))


@cache
def formula_address(formula: Formula) -> int:
    """Address of a compiled decision; the same nine int64 as a kind's. One text is compiled once, whatever its
    numbers.
    """
    name = "formula_" + hashlib.sha256(formula_source(formula).encode()).hexdigest()[:16]
    with _lock:
        return int(_module(name, formula_source(formula)).run.address)


def formula_source(formula: Formula) -> str:
    """The generated lines around a formula.

    Its plan entry: address, first mask, first column of details, then the columns it reads.
    """
    given = [f"rows_at(inputs, block * input_block + {INPUTS.index(one)} * input_rows)" for one in formula.fields]
    given += [
        f"rows_at(columns, block * column_block + read_{n} * column_rows - bias)" for n in range(len(formula.columns))
    ]
    given += [f"bits_at(masks, block * mask_block + (mask + {side}) * mask_rows - mask_bias)" for side in (0, 1)]
    given += [
        f"rows_at(columns, block * column_block + (detail + {n}) * column_rows - bias)"
        for n in range(len(formula.details))
    ]
    parts = [f"read_{n} = word_at(entry, {3 + n})" for n in range(len(formula.columns))]
    parts += [f"told_{place} = number_at(args, {place})" for place in range(len(formula.numbers))]
    rest = ["begin", "end", *(f"told_{place}" for place in range(len(formula.numbers)))]
    return _FORMULA.format(
        text=formula.text, reads="; ".join(parts), rows=",\n            ".join(given), rest=", ".join(rest)
    )


def _module(name: str, source: str) -> ModuleType:
    path = cache_prepare() / f"xray_{name}.py"
    if not path.exists() or path.read_text(encoding="utf-8") != source:
        log.info("Compiling %s; it is kept for the next time.", name)
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_text(source, encoding="utf-8")
        part.replace(path)
    return _loaded(name, path)


def _loaded(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"xray_{name}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # numba looks a cached function's module up by its name
    spec.loader.exec_module(module)
    return module
