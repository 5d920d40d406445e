import io
import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from accounts.crypto import seal
from tests.practice.clients import TOKEN, Process
from tests.trading.conftest import AT
from trading.models import Balance, LedgerEntry
from trading.services import ledger_comparison

pytestmark = pytest.mark.django_db
KEY = "compared0123456789"


@pytest.fixture(scope="module")
def exchange(tmp_path_factory):
    process = Process(tmp_path_factory.mktemp("compared"))
    process.account(KEY, USDT="1000.5")
    yield process
    process.stop()


@pytest.fixture
def account(make, exchange, settings):
    settings.XRAY_EXCHANGE_ENDPOINTS = json.dumps({"binance": {"rest": exchange.url}})
    settings.PRACTICE_ADMIN_TOKEN = TOKEN
    keys = {"api_key": KEY, "api_secret": KEY[::-1], "passphrase": ""}
    return make.account(mode="practice", verification="verified", sealed_credentials=seal(keys))


def funded(account, *amounts):
    for number, amount in enumerate(amounts):
        LedgerEntry.objects.create(
            account=account,
            reference=f"start:{number}",
            currency="USDT",
            amount=amount,
            kind="deposit",
            at=AT + timedelta(seconds=number),
        )
    Balance.objects.create(account=account, currency="USDT", total=Decimal("1000.5"))


def compared(*arguments):
    out = io.StringIO()
    call_command("ledger_compare", "--wait", "0", *arguments, stdout=out)
    return out.getvalue()


def test_equal_books_are_said_to_be_equal(account):
    funded(account, "1000", "0.5")
    assert "0 orders, 0 fills, 1 balances: equal" in compared("--account", str(account.public_id))


def test_a_difference_is_printed_and_is_an_exit_code(account, capsys):
    funded(account, "1000")
    Balance.objects.update(total="1000")
    with pytest.raises(SystemExit) as ended:
        call_command("ledger_compare", "--account", str(account.pk), "--wait", "0", "--json")
    assert ended.value.code == 1
    assert json.loads(capsys.readouterr().out)["differences"] == ["balance USDT: we have 1000, the exchange 1000.5"]


def test_a_balance_that_its_ledger_does_not_explain_is_a_difference(account):
    funded(account, "1000")
    assert ledger_comparison.ledger_compare(account=account).differences == [
        "balance USDT: 1000.5 stored, but its ledger lines sum up to 1000"
    ]


def test_what_is_missing_is_said(account, make, settings):
    with pytest.raises(CommandError, match=r"Only an account of mode practice"):
        compared("--account", str(make.account().pk))
    with pytest.raises(CommandError, match="There is no account '999999'"):
        compared("--account", "999999")
    settings.PRACTICE_ADMIN_TOKEN = "wrong"
    with pytest.raises(CommandError, match="does not show its ledger: 403"):
        compared("--account", str(account.pk))
    settings.PRACTICE_ADMIN_TOKEN = ""
    with pytest.raises(CommandError, match="PRACTICE_ADMIN_TOKEN is not set"):
        compared("--account", str(account.pk))
