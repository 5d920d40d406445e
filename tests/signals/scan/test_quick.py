"""Roots and divisions by whole numbers have the bits of the processor's own instructions."""

import numpy as np
import pytest
from numba import njit

from signals.domain.indicators.language import root
from signals.scan.memory import rows_at
from signals.scan.panel import WIDTH, aligned


@njit
def roots(given: int, out: int, rows: int) -> None:
    values, made = rows_at(given, 0), rows_at(out, 0)
    for t in range(rows):
        made[t] = root(values[t])


@njit
def shares(given: int, out: int, rows: int, number: int) -> None:
    values, made = rows_at(given, 0), rows_at(out, 0)
    for t in range(rows):
        made[t] = values[t] / number


def computed(function, values: np.ndarray, *more) -> np.ndarray:
    rows = -(-values.size // WIDTH)
    given, out = aligned((rows, WIDTH), fill=1.0), aligned((rows, WIDTH))
    given.reshape(-1)[: values.size] = values
    function(given.ctypes.data, out.ctypes.data, rows, *more)
    return out.reshape(-1)[: values.size]


def spread(count: int, low: int, high: int, seed: int) -> np.ndarray:
    """Positive numbers with exponents from low to high."""
    rng = np.random.default_rng(seed)
    return np.ldexp(1.0 + rng.random(count), rng.integers(low, high, count))


def hard_roots() -> np.ndarray:
    """Numbers whose root is as near the middle of two floats as one can be: x * 2^54 or 2^55 is an odd square and a
    little; the square's root is found digit by digit (Hensel).
    """
    found = []
    for bits in (54, 55):
        for away in range(-2047, 2048, 2):
            odd = [m for m in range(1, 8, 2) if (m * m + away) % 8 == 0]
            for power in range(4, bits + 1):
                odd = [
                    m + add for m in odd for add in (0, 1 << (power - 1)) if ((m + add) ** 2 + away) % (1 << power) == 0
                ]
                odd = list(dict.fromkeys(m % (1 << power) for m in odd))[:8]
            for m in odd:
                for middle in (m, m + (1 << bits)):
                    square = (middle * middle + away) >> bits
                    if middle.bit_length() == 54 and square.bit_length() <= 53:
                        found.append(float(square) * (2.0 if bits == 55 else 1.0))
    return np.array(found)


def test_roots_are_correctly_rounded():
    ordinary = [spread(400_000, -40, 40, 1), spread(100_000, -1000, 1000, 2), 1.0 + np.arange(5000) * 2.0**-52]
    ordinary += [hard_roots(), np.nextafter(np.arange(1.0, 3000.0) ** 2, 0.0), np.arange(3000.0) ** 2]
    for values in ordinary:
        assert values.size
        np.testing.assert_array_equal(computed(roots, values), np.sqrt(values))


@pytest.mark.parametrize("odd", [0.0, -0.0, 5e-324, 1e-310, 1.7e308, np.inf, np.nan, -1.0])
def test_a_root_that_is_out_of_the_ordinary_spoils_none_beside_it(odd):
    values = spread(160, -5, 5, 3)
    values[::7] = odd
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(computed(roots, values), np.sqrt(values))


@pytest.mark.parametrize("number", [1, 2, 3, 7, 14, 20, 26, 99, 100, 641, 4999, 65537, 1_000_003, 2_147_483_647])
def test_shares_are_correctly_rounded(number):
    whole = np.arange(1 << 52, (1 << 52) + 4000, dtype=np.float64)
    middles = np.floor((whole + 0.5) * number / 2.0**20)  # multiples that lie beside the middle of two quotients
    for values in (
        spread(200_000, -40, 40, 4),
        spread(50_000, -1000, 1000, 5),
        -whole,
        middles,
        np.array([0.0, 5e-324]),
    ):
        np.testing.assert_array_equal(computed(shares, values, number), values / number)
    assert np.isnan(computed(shares, np.array([np.nan]), number)[0])
