"""What happens at the exchange beside us: it is noticed, told, and never overwritten; nothing that was owed is lost."""

from decimal import Decimal

import pytest

from accounts.models import ExchangeAccount, Notice
from tests.faults.laboratory import SYMBOL
from trading.models import Balance, Position
from trading.services.ledger_comparison import ledger_compare

MARKET = SYMBOL.replace("/", "")
BY_HAND = {"symbol": MARKET, "side": "BUY", "type": "MARKET", "quoteOrderQty": "100"}


@pytest.fixture
def halted(laboratory):
    """Halts the pair, and has it trade again at the end whatever happens."""
    yield lambda status: laboratory.act("symbol_status", symbol=MARKET, status=status)
    laboratory.act("symbol_status", symbol=MARKET, status="TRADING")


def opened(laboratory) -> Position:
    laboratory.buy()
    laboratory.settle(lambda: laboratory.held() == 1)
    return Position.objects.get(status="open")


@pytest.mark.parametrize(
    ("act", "more", "words"),
    [
        ("deposit", {"asset": "USDT", "amount": "123.45"}, "+123.45 USDT"),
        ("withdraw", {"asset": "USDT", "amount": "500"}, "-500 USDT"),
        ("order_by_hand", {"order": BY_HAND}, "BTC"),
    ],
)
def test_money_that_moved_without_us_is_told_and_not_overwritten(laboratory, act, more, words):
    opened(laboratory)
    before = dict(Balance.objects.values_list("currency", "total"))
    laboratory.act(act, **more)
    laboratory.restart()
    assert dict(Balance.objects.values_list("currency", "total")) == before, "our ledger is what we did"
    shown = Balance.objects.get(currency="USDT")
    assert shown.exchange_total != shown.total
    notice = Notice.objects.get(title__contains="balances differ")
    assert words in notice.text
    laboratory.sell()
    laboratory.settle(lambda: laboratory.held() == 0)
    fills = [line for line in ledger_compare(account=laboratory.account).differences if not line.startswith("balance")]
    assert act == "order_by_hand" or fills == []


def test_a_revoked_key_stops_its_account_and_loses_nothing(laboratory):
    position = opened(laboratory)
    laboratory.act("key_revoke")
    laboratory.sell()
    laboratory.turn()
    assert laboratory.account.status == ExchangeAccount.Status.PAUSED
    assert Notice.objects.filter(title__contains="was stopped").exists()
    laboratory.act("key_restore")
    laboratory.recover()
    laboratory.settle(lambda: laboratory.held() == 0)
    position.refresh_from_db()
    assert position.status == "closed"
    laboratory.check()


def test_an_exit_waits_for_a_pair_that_is_halted(laboratory, halted):
    opened(laboratory)
    halted("BREAK")
    laboratory.sell()
    for _ in range(3):
        laboratory.turn()
    assert laboratory.held() == 1 or Position.objects.filter(status="closing").exists()
    assert Position.objects.get().amount > Decimal(0)
    halted("TRADING")
    laboratory.recover()
    laboratory.settle(lambda: Position.objects.filter(status="closed").exists())
    laboratory.check()


def test_an_entry_into_a_halted_pair_fails_cleanly(laboratory, halted):
    halted("BREAK")
    intent = laboratory.buy()
    laboratory.settle()
    intent.refresh_from_db()
    assert intent.status == "failed" and "closed" in intent.reason.lower()
    laboratory.check()
