"""Exact arithmetic: rounding to lots and ticks, and the one way from float to money."""

import decimal
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import wraps
from typing import ParamSpec, TypeVar

PRECISION = 60
CONTEXT = decimal.Context(prec=PRECISION, rounding=decimal.ROUND_HALF_EVEN)
FEE_STEP = Decimal("1e-12")  # our own fees and averages are kept to this; products of them still fit 30 places

decimal.DefaultContext.prec = PRECISION  # for threads that start after this import

_P = ParamSpec("_P")
_R = TypeVar("_R")


def exact(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Run a function with 60 digits, whatever the calling thread's decimal context is."""

    @wraps(function)
    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with decimal.localcontext(CONTEXT):
            return function(*args, **kwargs)

    return wrapped


def money(value: float) -> Decimal:
    """The decimal that a float prints as (0.1 gives 0.1). ValueError for NaN and infinities."""
    number = Decimal(repr(float(value)))
    if not number.is_finite():
        raise ValueError(f"{value!r} is not an amount of money.")
    return number


@exact
def step_floor(value: Decimal, step: Decimal) -> Decimal:
    """Largest multiple of `step` not above `value`. A step of zero or less changes nothing."""
    return value if step <= 0 else (value / step).to_integral_value(ROUND_FLOOR) * step


@exact
def step_ceil(value: Decimal, step: Decimal) -> Decimal:
    """Smallest multiple of `step` not below `value`. A step of zero or less changes nothing."""
    return value if step <= 0 else (value / step).to_integral_value(ROUND_CEILING) * step


def amount_floor(amount: Decimal, lot: Decimal) -> Decimal:
    """An order amount rounded down to the lot: never more than is there or was asked."""
    return max(step_floor(amount, lot), Decimal(0))


def buy_price(price: Decimal, tick: Decimal) -> Decimal:
    """A buying price on the safe side: down to the tick, never paying more."""
    return step_floor(price, tick)


def sell_price(price: Decimal, tick: Decimal) -> Decimal:
    """A selling price or level on the safe side: up to the tick (a stop triggers no later, a target gives no less)."""
    return step_ceil(price, tick)


def fee_round(fee: Decimal) -> Decimal:
    """A fee to twelve places, never flattering the account (a rebate is rounded down)."""
    return fee.quantize(FEE_STEP, rounding=ROUND_CEILING, context=CONTEXT)


def average_round(value: Decimal) -> Decimal:
    """A quotient (an average, a share of a cost) to twelve places."""
    return value.quantize(FEE_STEP, rounding=ROUND_FLOOR, context=CONTEXT)


def text(value: Decimal) -> str:
    """A number for people and records: no exponent, no trailing zeros."""
    if value == 0:
        return "0"
    plain = format(value, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain
