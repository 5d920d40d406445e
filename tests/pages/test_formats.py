"""Numbers on pages: true minus, fixed digits, no negative zero, exact at any size."""

from datetime import timedelta
from decimal import Decimal

import pytest

from trading.templatetags import xray


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1234.5"), "1,234.50"),
        (Decimal("-0.001"), "0.00"),
        (Decimal("-12.345"), "\N{MINUS SIGN}12.34"),
        (Decimal("123456789012345.675"), "123,456,789,012,345.68"),
        (None, "\N{EN DASH}"),
    ],
)
def test_money(value, text):
    assert xray.money(value) == text


def test_signed_and_tone():
    assert [xray.signed(Decimal(text)) for text in ("5", "-5", "0.001")] == ["+5.00", "\N{MINUS SIGN}5.00", "0.00"]
    assert [xray.tone(Decimal(text)) for text in ("5", "-5", "0")] == ["gain", "loss", "flat"]


def test_prices_follow_the_tick():
    assert xray.at_step(Decimal("0.00001674"), Decimal("0.00000001")) == "0.00001674"
    assert xray.at_step(Decimal("67432.1"), Decimal("0.1")) == "67,432.1"
    assert xray.places_of(Decimal("1E+1")) == 0 and xray.places_of(Decimal("0.000000000001")) == 12


def test_amounts_show_the_digits_they_have():
    assert xray.amount(Decimal("1.17454000")) == "1.17454" and xray.amount(Decimal("1E+3")) == "1,000"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59, "59 s"), (61, "1 m 1 s"), (3600, "1 h 0 m"), (316800, "3 d 16 h")]
)
def test_spans(seconds, text):
    assert xray.span(timedelta(seconds=seconds)) == text


def test_a_share_of_nothing_is_nothing():
    assert xray.share_of(Decimal(1), Decimal(0)) is None and xray.percent_signed(None) == "\N{EN DASH}"
    assert xray.ratio(Decimal(5), Decimal(4)) == "100.0" and xray.ratio(Decimal(-1), Decimal(4)) == "0.0"
