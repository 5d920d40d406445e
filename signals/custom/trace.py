"""Which line of a strategy sees what it must not: two runs are traced, and the first value that differs names its line.

After every line of the strategy's file the local variables, the attributes of `self` and the file's globals are
looked at; numbers and arrays that the line changed are kept with the line. An array's time axis is the one whose
length differs between the runs as the inputs' do.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import numpy as np

TOLERANCE = 1e-9
STEPS = 20_000  # lines; a longer run is compared as far as it was traced
BYTES = 96 << 20
Key = tuple[str, int, int, str]  # function, its which-th call, line, variable


@dataclass(slots=True)
class Noted:
    """The last value that a line gave a variable; `order` counts first executions, `times` all."""

    order: int
    value: np.ndarray
    times: int = 1


@dataclass(slots=True)
class Run:
    """What one traced run did."""

    noted: dict[Key, Noted] = field(default_factory=dict)
    lines: dict[tuple[str, int, int], int] = field(default_factory=dict)  # first execution of each line, in order
    calls: dict[str, int] = field(default_factory=dict)
    steps: int = 0
    size: int = 0


def traced(call: Callable[[], Any], file: str) -> Run:
    """Run `call` and note what the lines of `file` do. What the call raises ends the run and is not raised."""
    run = Run()

    def enter(frame: FrameType, _event: str, _arg: Any) -> Any:
        return _follower(run, frame) if frame.f_code.co_filename == file else None

    sys.settrace(enter)
    with contextlib.suppress(Exception):  # what it raises is told by the question before this one
        call()
    sys.settrace(None)
    return run


def _follower(run: Run, frame: FrameType) -> Callable[..., Any]:
    """The local trace function of one call: after each line it notes what that line changed."""
    name = frame.f_code.co_name
    run.calls[name] = run.calls.get(name, 0) + 1
    number, seen = run.calls[name], {key: _mark(value) for key, value in _numbers(frame)}
    line = frame.f_lineno

    def follow(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal line
        run.steps += 1
        if run.steps > STEPS or run.size > BYTES:
            return None
        run.lines.setdefault((name, number, line), len(run.lines))
        for variable, value in _numbers(frame, arg if event == "return" else None):
            mark = _mark(value)
            if seen.get(variable) != mark:
                seen[variable] = mark
                _note(run, (name, number, line, variable), value)
        line = frame.f_lineno
        return follow

    return follow


def _note(run: Run, key: Key, value: np.ndarray) -> None:
    run.size += value.nbytes
    order = run.lines[key[:3]]
    known = run.noted.get(key)
    run.noted[key] = Noted(order, value.copy(), known.times + 1 if known else 1)


def _numbers(frame: FrameType, returned: Any = None) -> Iterator[tuple[str, np.ndarray]]:
    """All numbers and arrays in reach, by the name a person would give them."""
    for name, value in frame.f_locals.items():
        yield from _flat(name, vars(value) if name == "self" and hasattr(value, "__dict__") else value)
    for name, value in frame.f_globals.items():
        if not name.startswith("__"):
            yield from _flat(name, value)
    if returned is not None:
        yield from _flat("the result", returned)


def _flat(name: str, value: Any, depth: int = 0) -> Iterator[tuple[str, np.ndarray]]:
    if isinstance(value, (float, np.floating)):
        yield name, np.asarray(value, np.float64)
    elif isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        yield name, value
    elif depth < 2 and isinstance(value, dict):
        for key, inner in list(value.items())[:64]:
            yield from _flat(f"{name}[{key!r}]" if name != "self" else f"self.{key}", inner, depth + 1)
    elif isinstance(value, (list, tuple)) and value and all(isinstance(one, (float, np.floating)) for one in value):
        yield name, np.array(value, np.float64)
    elif depth < 2 and isinstance(value, (list, tuple)):
        for position, inner in enumerate(value[:64]):
            yield from _flat(f"{name}[{position}]", inner, depth + 1)
    elif depth < 2 and type(value).__name__ == "Decisions":
        inner = {"side": value.side, "confidence": value.confidence, **value.details}
        for key, array in inner.items():
            yield from _flat(f"{name}'s {key}", array, depth + 1)


def _mark(value: np.ndarray) -> tuple[Any, ...]:
    return value.shape, value.dtype.str, hash(value.tobytes())


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two runs part: the line, the variable, and the place (lane and candle, -1 where there is none)."""

    line: int
    function: str
    variable: str
    lane: int = -1
    candle: int = -1
    whole: float = float("nan")
    part: float = float("nan")


def first_difference(whole: Run, part: Run, *, cut: int, from_end: int | None = None) -> Difference | None:
    """The first line, in the order of the whole run, whose value differs; None when nothing traced does.

    `cut` is by how many candles the second run's input is shorter. It lacks the newest candles, or, with `from_end`
    (how many of the last candles must agree), the oldest ones.
    """
    found = [
        (known.order, difference)
        for key, known in whole.noted.items()
        if key in part.noted and (difference := _difference(key, known, part.noted[key], cut, from_end)) is not None
    ]
    branch = _branch(whole, part)
    if branch is not None:
        found.append(branch)
    return min(found, key=lambda pair: pair[0])[1] if found else None


def _branch(whole: Run, part: Run) -> tuple[int, Difference] | None:
    """The line after which the runs take different ways."""
    ours, theirs = list(whole.lines), list(part.lines)
    for order, (one, other) in enumerate(zip(ours, theirs, strict=False)):
        if one != other:
            function, _call, line = ours[order - 1] if order else one
            return max(order - 1, 0), Difference(line, function, "the way that the code takes")
    return None


def _difference(key: Key, whole: Noted, part: Noted, cut: int, from_end: int | None) -> Difference | None:
    function, _call, line, variable = key
    pair = _aligned(whole, part, cut, from_end)
    if pair is None:
        return None
    apart = unequal(*pair)
    if not apart.any():
        return None
    place = tuple(int(index) for index in np.argwhere(apart)[0])
    values = (float(pair[0][place]), float(pair[1][place]))
    lane, candle = (place[0], place[-1]) if len(place) > 1 else (-1, place[-1] if place else -1)
    if from_end is not None and candle >= 0:
        candle += max(whole.value.shape[-1] - pair[0].shape[-1], 0)
    return Difference(line, function, variable, lane, candle, *values)


def _aligned(whole: Noted, part: Noted, cut: int, from_end: int | None) -> tuple[np.ndarray, np.ndarray] | None:
    """The stretches that must be equal; None where the two cannot be compared."""
    ours, theirs = whole.value, part.value
    if ours.shape == theirs.shape:
        # without a time axis, a value that a loop gave last is another one in a longer run, rightly
        comparable = whole.times == part.times == 1 and (cut == 0 or ours.dtype.kind == "f")
        return (ours, theirs) if comparable else None
    if ours.ndim != theirs.ndim:
        return None
    axes = [axis for axis in range(ours.ndim) if ours.shape[axis] != theirs.shape[axis]]
    if len(axes) != 1 or ours.shape[axes[0]] - theirs.shape[axes[0]] != cut:
        return None
    ours, theirs = np.moveaxis(ours, axes[0], -1), np.moveaxis(theirs, axes[0], -1)
    if from_end is None:
        return ours[..., : theirs.shape[-1]], theirs
    kept = min(from_end, theirs.shape[-1])
    return ours[..., ours.shape[-1] - kept :], theirs[..., theirs.shape[-1] - kept :]


def unequal(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Where two arrays of one shape differ: bools and integers at all, floats by more than TOLERANCE, NaN is NaN."""
    if one.dtype.kind != "f" or other.dtype.kind != "f":
        return np.asarray(one != other)
    with np.errstate(all="ignore"):
        near = np.abs(one - other) <= TOLERANCE * np.maximum(np.maximum(np.abs(one), np.abs(other)), 1e-300)
    return np.asarray(~(near | (one == other) | (np.isnan(one) & np.isnan(other))))
