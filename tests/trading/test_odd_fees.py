"""A fee above a tenth of its trade: accepted by whom it concerns, kept, and the account goes on when all is settled."""

from dataclasses import replace
from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.urls import reverse

from accounts.models import AuditEvent, Notice, User
from accounts.services.exchange_accounts import account_pause
from tests.trading.conftest import AT
from trading.domain.findings import Finding, FindingKind
from trading.domain.odd_answers import OddAnswer, TradeFee
from trading.models import AccountLease, LedgerEntry, OddFee
from trading.services.odd_fees import fee_accept
from trading.store.checks import check_store
from trading.store.odd_answers import answer_quarantine
from trading.store.odd_fees import fee_accepted
from trading.turn.ports import CheckResult

pytestmark = pytest.mark.django_db
FEE = TradeFee("BTC/USDT", "7", "buy", Decimal(50000), Decimal("0.01"), Decimal("0.0015"), "BTC")
CLEAN = CheckResult(AT, {}, (), {}, None)
MISSING = Finding(FindingKind.COINS_MISSING, "Coins are missing.")


def odd(fee=FEE):
    words = f"A fee of {fee.fee} {fee.currency} is out of all proportion to its trade."
    return OddAnswer("the account's trades in BTC/USDT", words, "{}", impossible=True, fee=fee)


@pytest.fixture
def account(make):
    return make.account(mode="practice", verification="verified", sealed_credentials="sealed")


@pytest.fixture
def fee(account):
    answer_quarantine(account, odd())
    answer_quarantine(account, odd())
    account.refresh_from_db()
    assert account.status == "paused"
    return OddFee.objects.get()


def booked(fee):
    """As when the trade was by hand: its lines are in the ledger."""
    LedgerEntry.objects.create(
        account=fee.account, reference=f"outside:{fee.symbol}:{fee.trade_id}", currency="BTC", amount=1, kind="outside",
        at=AT,
    )  # fmt: skip


def after(account, check=CLEAN):
    check_store(account, check)
    account.refresh_from_db()
    return account.status


def test_it_is_let_through_once_accepted_and_who_did_is_kept(account, fee):
    assert (fee.share, fee.value, fee_accepted(account, FEE)) == (Decimal("0.15"), 500, False)
    assert "accept the fee" in Notice.objects.get().text
    fee_accept(fee=fee, actor=account.user)
    fee.refresh_from_db()
    assert (fee.accepted_by, fee.accepted_at is not None) == (account.user, True)
    assert fee_accepted(account, FEE) and not fee_accepted(account, replace(FEE, fee=Decimal("0.0016")))
    event = AuditEvent.objects.get(action="account.fee_accepted")
    assert (event.actor, event.detail["fee"], event.detail["trade"]) == (account.user, "0.0015", "7")
    assert AccountLease.objects.get(account=account).check_reason == "an odd fee was accepted"
    with pytest.raises(ValidationError, match="accepted already by"):
        fee_accept(fee=fee, actor=account.user)


def test_strangers_may_not_and_a_booked_trade_needs_it_no_more(make, account, fee):
    with pytest.raises(PermissionDenied):
        fee_accept(fee=fee, actor=make.user())
    booked(fee)
    with pytest.raises(ValidationError, match="booked with that one"):
        fee_accept(fee=fee, actor=account.user)


def test_the_account_goes_on_when_the_trade_is_booked_and_the_comparison_agrees(account, fee):
    assert after(account) == "paused", "nobody has accepted it"
    fee_accept(fee=fee, actor=account.user)
    assert after(account) == "paused", "it is not booked"
    booked(fee)
    assert after(account, replace(CLEAN, findings=(MISSING,))) == "paused"
    assert after(account, replace(CLEAN, unconfirmed={"BTC": Decimal(1)})) == "paused"
    assert after(account) == "active"
    assert Notice.objects.filter(level="ok", title__contains="goes on").count() == 1
    account_pause(account=account, actor=account.user)
    assert after(account) == "paused", "that was its owner's own pause"


def test_two_fees_are_both_waited_for_and_so_is_anything_else_that_cannot_be(account, fee):
    second = replace(FEE, trade_id="8", fee=Decimal("0.002"))
    answer_quarantine(account, odd(second))
    for row in OddFee.objects.order_by("pk"):
        assert after(account) == "paused"
        fee_accept(fee=row, actor=account.user)
        booked(row)
    answer_quarantine(account, OddAnswer("the balances", "The account has -1 BTC.", "{}", impossible=True))
    assert after(account) == "paused"
    account.odd_answers.filter(fee=None).delete()
    assert after(account) == "active"


def test_its_page_shows_the_numbers_to_its_owner_and_staff(make, account, fee, client):
    url = reverse("odd_fee", args=[fee.public_id])
    client.force_login(make.user())
    assert client.get(url).status_code == client.post(url).status_code == 404
    client.force_login(account.user)
    card = client.get(reverse("account_list")).content.decode()
    assert url in card and "Fee of 15 %" in card
    page = client.get(url).content.decode()
    for words in ("buy 0.01 BTC at 50,000", "500 USDT", "0.0015 BTC", "15.00 % of the trade", "Accept 0.0015 BTC"):
        assert words in " ".join(page.replace("<b>", "").replace("</b>", "").split()), words
    staff = User.objects.create_superuser("staff@example.org", "x")
    client.force_login(staff)
    assert url in client.get(reverse("admin:trading_oddfee_changelist")).content.decode()
    assert str(account.user) in client.get(url).content.decode()
    told = client.post(url, follow=True).content.decode()
    assert "The fee is accepted" in told and "Accepted by staff@example.org" in told and "being booked" in told
    assert "accepted already by staff@example.org" in client.post(url, follow=True).content.decode()
    fee.refresh_from_db()
    assert fee.accepted_by == staff
    client.force_login(account.user)
    assert "Accepted by staff@example.org" in client.get(reverse("account_list")).content.decode()
