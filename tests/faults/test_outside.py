"""What happens at the exchange beside us: it is noticed, told, and booked as what it was; nothing owed is lost."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import ExchangeAccount, Notice
from tests.faults.laboratory import SYMBOL
from trading.models import AccountCheck, Intent, Order, Position
from trading.services.ledger_comparison import ledger_compare

MARKET = SYMBOL.replace("/", "")
BY_HAND = {"symbol": MARKET, "side": "BUY", "type": "MARKET", "quoteOrderQty": "100"}
RESTING = {"symbol": MARKET, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001"}


@pytest.fixture
def halted(laboratory):
    """Halts the pair, and has it trade again at the end whatever happens."""
    yield lambda status: laboratory.act("symbol_status", symbol=MARKET, status=status)
    laboratory.act("symbol_status", symbol=MARKET, status="TRADING")


def opened(laboratory) -> Position:
    laboratory.buy()
    laboratory.settle(lambda: laboratory.held() == 1)
    return Position.objects.get(status="open")


def compared(laboratory) -> None:
    """The account is compared, and once more when what differed had time to be a late fill."""
    laboratory.restart()
    laboratory.ahead += timedelta(seconds=15)
    laboratory.turn()


def found() -> list[tuple[str, str]]:
    return [(row["kind"], row["text"]) for check in AccountCheck.objects.order_by("id") for row in check.findings]


@pytest.mark.parametrize(
    ("act", "more", "words", "kind"),
    [
        ("deposit", {"asset": "USDT", "amount": "123.45"}, "+123.45 USDT", "transfer"),
        ("withdraw", {"asset": "USDT", "amount": "500"}, "-500 USDT", "transfer"),
        ("order_by_hand", {"order": BY_HAND}, "was traded by hand", "outside_trade"),
    ],
)
def test_money_that_moved_without_us_is_told_and_booked_as_what_it_was(laboratory, act, more, words, kind):
    position = opened(laboratory)
    laboratory.act(act, **more)
    laboratory.restart()
    if kind == "transfer":
        assert [what for what, _ in found()] == ["unconfirmed"] and not Notice.objects.exists()
    compared(laboratory)
    assert words in dict(found())[kind]
    assert Notice.objects.get().text == dict(found())[kind]
    differ = [line for line in ledger_compare(account=laboratory.account).differences if line.startswith("balance")]
    assert differ == []
    position.refresh_from_db()
    assert position.status == "open" and laboratory.account.status == "active"
    laboratory.sell()
    laboratory.settle(lambda: laboratory.held() == 0)


def test_coins_of_a_bot_that_are_gone_pause_the_account(laboratory):
    position = opened(laboratory)
    laboratory.act("withdraw", asset="BTC", amount=str(position.amount))
    compared(laboratory)
    assert laboratory.account.status == "paused" and "hold" in laboratory.account.status_reason
    assert Notice.objects.filter(level="bad", title__contains="coins are missing").exists()
    laboratory.act("deposit", asset="BTC", amount=str(position.amount))
    laboratory.recover()
    compared(laboratory)
    assert laboratory.account.status == "active"
    laboratory.sell()
    laboratory.settle(lambda: laboratory.held() == 0)
    laboratory.check()


def test_an_order_by_hand_that_rests_is_shown_and_left_alone(laboratory):
    opened(laboratory)
    order = {**RESTING, "price": str(round(float(Position.objects.get().target_price) * 0.2))}
    made = laboratory.act("order_by_hand", order=order)
    compared(laboratory)
    assert dict(found())["outside_order"].startswith("An order by hand to buy")
    laboratory.act("cancel_by_hand", order={"symbol": MARKET, "orderId": made["orderId"]})


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
        laboratory.ahead += timedelta(seconds=30)
    assert laboratory.held() == 1 or Position.objects.filter(status="closing").exists()
    assert Position.objects.get().amount > Decimal(0)
    exit_ = Intent.objects.get(side="sell")
    assert Order.objects.filter(intent=exit_, status="rejected").count() > 1
    assert exit_.status == "claimed" and exit_.reason.startswith("Refused, and tried again until it is sold.")
    (told,) = Notice.objects.filter(title__endswith=f"could not sell {SYMBOL}")
    assert told.text == exit_.reason and "closed" in told.text.lower()
    halted("TRADING")
    laboratory.recover()
    laboratory.settle(lambda: Position.objects.filter(status="closed").exists())
    exit_.refresh_from_db()
    assert (exit_.status, exit_.reason) == ("done", "")
    laboratory.check()


def test_an_entry_into_a_halted_pair_fails_cleanly(laboratory, halted):
    halted("BREAK")
    intent = laboratory.buy()
    laboratory.settle()
    intent.refresh_from_db()
    assert intent.status == "failed" and "closed" in intent.reason.lower()
    laboratory.check()
