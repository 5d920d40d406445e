import decimal
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.domain.money import (
    amount_floor,
    buy_price,
    exact,
    fee_round,
    money,
    sell_price,
    step_ceil,
    step_floor,
    text,
)

STEPS = st.sampled_from([D("1e-12"), D("1e-8"), D("0.01"), D("0.25"), D(1), D(1000)])
VALUES = st.decimals(min_value=0, max_value=D("1e15"), places=12, allow_nan=False)


@given(VALUES, STEPS)
def test_rounding_goes_to_the_right_side_by_less_than_a_step(value, step):
    low, high = step_floor(value, step), step_ceil(value, step)
    with decimal.localcontext(prec=60):
        assert low <= value <= high
        assert value - low < step
        assert high - value < step
        assert low % step == 0
        assert high % step == 0


@given(st.floats(min_value=1e-12, max_value=1e15))
def test_a_float_becomes_what_it_prints(value):
    assert float(money(value)) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nonsense_is_no_money(value):
    with pytest.raises(ValueError, match="no"):
        money(value)


def test_a_buyer_never_pays_more_and_a_seller_never_takes_less():
    assert buy_price(D("1.239"), D("0.01")) == D("1.23")
    assert sell_price(D("1.231"), D("0.01")) == D("1.24")
    assert amount_floor(D("1.999"), D("0.5")) == D("1.5")
    assert fee_round(D("0.0000000000001")) == D("1e-12")
    assert fee_round(D("-0.0000000000019")) == D("-1e-12")


def test_products_of_extremes_stay_exact_whatever_the_thread_context_is():
    @exact
    def product(a, b):
        return a * b

    with decimal.localcontext(prec=5):
        assert product(D("123456789012345.123456789012"), D("0.000000000001")) == D("123.456789012345123456789012")


def test_text_has_no_exponent():
    assert [text(D(t)) for t in ("1E+3", "0.500", "-0", "1E-12")] == ["1000", "0.5", "0", "0.000000000001"]
