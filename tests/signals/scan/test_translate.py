"""The language in C means what it means in Python, and what is outside it is refused with its place."""

import ctypes

import numpy as np
import pytest

from signals.domain.indicators.language import NAN, Rows, Value, floor, fma, helper, larger, log, root, select
from signals.scan.cuda import host
from signals.scan.cuda.source import HEAD
from signals.scan.cuda.translate import TranslationError, Unit

HALF, STEPS = 0.5, 3


@helper
def two_sum(a: Value, b: Value) -> tuple[Value, Value]:
    total = a + b
    part = total - b
    return total, (b - (total - part)) + (a - part)


@helper
def window_sum(series: Rows, t: int, count: int) -> Value:
    total = 0.0
    for back in range(count):
        total = total + series[t - back]
    return total


@helper
def ordered(a: int, b: int) -> tuple[int, int]:
    if a < b:
        return a, b
    return b, a


def every_word(close: Rows, out: Rows, high: Rows, begin: int, end: int, age: int, factor: float) -> None:
    """Everything that the language has."""
    for t in range(begin, end):
        price = close[t]
        out[t] = price if age == 0 else NAN
        if (age >= STEPS and not age == 4) or age == -1:  # noqa: SIM201
            small, large = ordered(age, 5)
            total, error = two_sum(price, close[t - 1])
            error, total = total, error
            back = 2
            while back > 0:
                total += close[t - back] * (back % 2) - back // 2
                back -= 1
            for k in range(6, 0, -2):
                if k == 2:
                    break
                elif k == 6:
                    continue
                total = total + k
            steps = min(small, large, 3) + max(age, 2) + int(factor) + (7 if 0 < age <= 4 else 9)
            mask = (price > factor) & ~(close[t - 1] <= HALF) | (price == error)
            value = select(mask, fma(price, steps, total), -window_sum(close, t, STEPS))
            out[t] = larger(value, 0.0) / steps + floor(log(root(price)) * 10) / 7 + float(steps) / 2 + 1 / 3
        high[t] = close[t] > factor
        age += 1


def test_every_word_means_in_c_what_it_means_in_python():
    if host.compiler() is None:
        pytest.skip("needs a C++ compiler (g++)")
    close = np.abs(np.random.default_rng(2).normal(1.0, 1.0, 60))
    expected, high = [0.0] * close.size, [False] * close.size
    every_word(close.tolist(), expected, high, 0, close.size, 0, 1.5)
    lanes, flags = np.zeros((close.size, 16)), np.zeros((close.size, 16), np.uint8)
    lanes[:, 0] = close
    out = np.zeros_like(lanes)
    _compiled(every_word)(
        *(ctypes.c_void_p(array.ctypes.data) for array in (lanes, out, flags)),
        *(ctypes.c_longlong(number) for number in (0, close.size, 0)), ctypes.c_double(1.5),
    )  # fmt: skip
    np.testing.assert_array_equal(out[:, 0], np.array(expected, np.float64))
    np.testing.assert_array_equal(flags[:, 0], high)


def _compiled(function):
    unit = Unit()
    parameters = unit.add(function, "translated", ("close",))
    listed = [f"{one.shape.c} {one.name}" for one in parameters]
    wrapper = f'extern "C" void run({", ".join(listed)}) {{ translated({", ".join(one.name for one in parameters)}); }}'
    return ctypes.CDLL(str(host.library_make(f"{HEAD}{unit.text}\n{wrapper}"))).run


@pytest.mark.parametrize(("a", "b"), [(7, 3), (-7, 3), (7, -3), (-7, -3), (6, 3), (-6, 3), (0, 5)])
def test_whole_divisions_round_as_pythons(a, b):
    if host.compiler() is None:
        pytest.skip("needs a C++ compiler (g++)")
    functions = "".join(
        f'extern "C" i64 {name}(i64 a, i64 b) {{ return xray_{name}(a, b); }}\n' for name in ("floordiv", "mod")
    )
    library = ctypes.CDLL(str(host.library_make(HEAD + functions)))
    answers = []
    for name in ("floordiv", "mod"):
        function = getattr(library, name)
        function.restype = ctypes.c_longlong
        answers.append(function(ctypes.c_longlong(a), ctypes.c_longlong(b)))
    assert answers == [a // b, a % b]


def lane_if(close: Rows, out: Rows, begin: int) -> None:
    if close[begin] > 1.0:
        out[begin] = 1.0


def power(close: Rows, out: Rows, begin: int) -> None:
    out[begin] = close[begin] ** 2


def stranger(close: Rows, out: Rows, begin: int) -> None:
    out[begin] = np.sqrt(close[begin])


def other_function(close: Rows, out: Rows, begin: int) -> None:
    out[begin] = abs(close[begin])


def float_index(close: Rows, out: Rows, begin: int) -> None:
    out[begin] = close[begin / 2]


def a_slice(close: Rows, out: Rows, begin: int) -> None:
    out[begin] = close[begin : begin + 2]


def writes_an_input(close: Rows, out: Rows, begin: int) -> None:
    close[begin] = 1.0


def reads_too_early(close: Rows, out: Rows, begin: int) -> None:
    out[begin] = later  # noqa: F821
    later = 1.0  # noqa: F841


def mask_as_number(close: Rows, out: Rows, begin: int) -> None:
    out[begin] = (close[begin] > 1.0) + 1.0


def mask_in_a_chain(close: Rows, out: Rows, begin: int) -> None:
    out[begin] = select(0.0 < close[begin] < 1.0, 1.0, 0.0)


def a_list(close: Rows, out: Rows, begin: int) -> None:
    kept = [close[begin]]
    out[begin] = kept[0]


def changes_type(close: Rows, out: Rows, begin: int) -> None:
    begin = close[begin]


def no_annotation(close, out: Rows, begin: int) -> None:
    out[begin] = close[begin]


def step_unknown(close: Rows, out: Rows, begin: int) -> None:
    for t in range(0, 10, begin):
        out[t] = 1.0


def catches(close: Rows, out: Rows, begin: int) -> None:
    try:  # noqa: SIM105
        out[begin] = 1.0
    except ValueError:
        pass


def mixed_columns(close: Rows, out: Rows, begin: int) -> None:
    out[begin] = 1.0
    out[begin] = close[begin] > 1.0


REFUSED = [
    (lane_if, "select"), (power, r"\*\* 2"), (stranger, "name"), (other_function, "abs is no word"),
    (float_index, "whole number"),
    (a_slice, "whole number"), (writes_an_input, "close is an input"), (reads_too_early, "before it has a value"),
    (mask_as_number, "mask and number"), (mask_in_a_chain, "chain"), (a_list, "List is not part"),
    (changes_type, "would become value"), (no_annotation, "annotated"), (step_unknown, "step"),
    (catches, "Try is not part"), (mixed_columns, "not both"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "why"), REFUSED, ids=lambda one: getattr(one, "__name__", ""))
def test_what_is_outside_the_language_is_refused_with_its_place(function, why):
    first = function.__code__.co_firstlineno
    with pytest.raises(TranslationError, match=why) as refused:
        Unit().add(function, "translated", ("close",))
    place = str(refused.value).split("test_translate.py:")[1].split(")")[0]
    assert str(refused.value).startswith(function.__name__)
    assert first <= int(place) <= first + 4
