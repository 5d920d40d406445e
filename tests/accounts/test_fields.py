"""Money comes back exactly as it went in (`.ci/run` tests it on SQLite and on PostgreSQL)."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from accounts.fields import ExactDecimalField, decimal_text
from accounts.models import ExchangeAccount, User

EXACT = [
    "0",
    "0.000000000001",
    "1000000000000000",
    "1000000000000000.000000000001",
    "123456789.123456789012",
    "-0.000000000000000000000000000001",
    "999999999999999999999999999999.999999999999999999999999999999",
    "0.1",
    "100",
]


def _stored(value: Decimal | str) -> Decimal:
    user = User.objects.create_user("exact@example.org", "x")
    account = ExchangeAccount.objects.create(user=user, name="a", exchange="binance", paper_start_balance=value)
    return ExchangeAccount.objects.get(pk=account.pk).paper_start_balance


@pytest.mark.django_db
@pytest.mark.parametrize("text", EXACT)
def test_there_and_back(text: str) -> None:
    found = _stored(Decimal(text))
    assert isinstance(found, Decimal)
    assert found == Decimal(text)
    assert decimal_text(found) == text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "text"), [("1E+3", "1000"), ("1.500", "1.5"), ("-0", "0"), ("1E-12", "0.000000000001")]
)
def test_canonical_form(given: str, text: str) -> None:
    assert decimal_text(_stored(Decimal(given))) == text


@pytest.mark.django_db
def test_products_and_sums_in_python_stay_exact() -> None:
    price, amount = Decimal("0.000000000001"), Decimal("1000000000000000")
    assert _stored(price * amount) == Decimal("1000")
    assert price * amount + Decimal("123456789.123456789012") == Decimal("123457789.123456789012")


@pytest.mark.django_db
def test_equal_values_are_found_by_a_query() -> None:
    _stored(Decimal("1.50"))
    assert ExchangeAccount.objects.filter(paper_start_balance=Decimal("1.5")).exists()
    assert not ExchangeAccount.objects.filter(paper_start_balance=Decimal("1.500000000001")).exists()


@pytest.mark.django_db
def test_the_column_is_what_the_database_keeps_exactly() -> None:
    _stored(Decimal("123456789.123456789012"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT paper_start_balance FROM accounts_exchangeaccount")
        [value] = cursor.fetchone()
    kind = Decimal if connection.vendor == "postgresql" else str
    assert isinstance(value, kind)


@pytest.mark.parametrize(
    "value",
    [0.1, "NaN", "Infinity", "abc", "1e30", "1_000", "１２", "٣", "12\n", "1e", ".", "0x10", "0." + "0" * 30 + "1"],
)
def test_what_is_no_exact_amount_is_refused(value) -> None:
    with pytest.raises(ValidationError):
        ExactDecimalField().to_python(value)
