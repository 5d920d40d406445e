from datetime import timedelta
from decimal import Decimal

import pytest
from rest_framework.test import APIClient

from accounts.clock import clock_set, now
from accounts.exchanges.errors import ExchangeNotSent, ExchangeRetry, ExchangeStopped
from accounts.models import ExchangeAccount, Notice
from accounts.services.exchange_accounts import account_replace_keys
from tests.trading.conftest import AT
from trading import runner, wiring
from trading.brokers import live_calls
from trading.domain.types import CashMoved
from trading.models import AccountCheck, AccountLease, Balance, BalanceSnapshot, Intent, LedgerEntry, Order
from trading.services import reconciliation, sweep, work
from trading.turn import check

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_process():
    wiring.process_started()


@pytest.fixture
def exchange_has(monkeypatch):
    asked = []

    def set_to(**totals):
        async def read(account):
            asked.append(account.pk)
            if "error" in totals:
                raise totals["error"]
            return {name: Decimal(total) for name, total in totals.items()}

        async def nothing(account, *more):
            return []

        monkeypatch.setattr(live_calls, "balances_read", read)
        monkeypatch.setattr(live_calls, "orders_open", nothing)
        monkeypatch.setattr(live_calls, "trades_since", nothing)
        return asked

    return set_to


@pytest.fixture
def account(make):
    return make.account(mode="practice", verification="verified", sealed_credentials="sealed")


def test_a_new_account_is_funded_once_with_what_the_exchange_has(account, exchange_has):
    asked = exchange_has(USDT="10000.5", BTC="0.25")
    work.account_work(account_id=account.pk)
    wiring.process_started()  # as after a restart
    work.account_work(account_id=account.pk)
    assert asked == [account.pk]
    assert {row.currency: row.total for row in Balance.objects.all()} == {
        "USDT": Decimal("10000.5"),
        "BTC": Decimal("0.25"),
    }
    assert set(LedgerEntry.objects.values_list("kind", flat=True)) == {"deposit"}
    account.refresh_from_db()
    assert account.last_checked_at is not None and not Notice.objects.exists()


def test_a_comparison_is_asked_for_and_read_through_the_api(account, make, exchange_has):
    asked = exchange_has(USDT="1")
    client, stranger = APIClient(), APIClient()
    client.force_authenticate(account.user)
    stranger.force_authenticate(make.user())
    url = f"/api/exchange-accounts/{account.public_id}/compare"
    assert client.get(url).json() == {
        "account": str(account.public_id), "wanted_at": None, "checked_at": None, "found": None
    }  # fmt: skip
    assert stranger.get(url).status_code == stranger.post(url).status_code == 404
    work.account_work(account_id=account.pk)  # the first turn reads it
    wanted = client.post(url)
    assert (wanted.status_code, bool(wanted.json()["wanted_at"]), len(asked)) == (202, True, 1)
    exchange_has(USDT="3")
    work.account_work(account_id=account.pk)
    told = client.get(url).json()
    assert told["checked_at"] > wanted.json()["checked_at"] and told["found"]["reason"] == "asked for by its owner"
    assert (told["found"]["outcome"], [one["kind"] for one in told["found"]["findings"]]) == ("shown", ["unconfirmed"])
    paper = make.account(user=account.user)
    refused = client.post(f"/api/exchange-accounts/{paper.public_id}/compare")
    assert refused.status_code == 400 and "Only an account with keys" in refused.content.decode()
    assert client.get(f"/api/exchange-accounts/{paper.public_id}/compare").json()["wanted_at"] is None


def test_no_balance_is_asked_of_an_account_with_nothing_to_do(account, exchange_has):
    asked = exchange_has(USDT="1")
    type(account).objects.update(last_checked_at=wiring.now())
    work.account_work(account_id=account.pk)
    assert asked == []


def waiting_entry(make, account):
    bot = make.bot(account)
    return Intent.objects.create(
        bot=bot, config=bot.config, account=account, instrument=make.instrument(), purpose="manual_entry", side="buy",
        amount_quote="50", expires_at=now() + timedelta(hours=1),
    )  # fmt: skip


def test_a_difference_is_shown_and_booked_when_it_stays(make, account, exchange_has):
    exchange_has(USDT="100")
    work.account_work(account_id=account.pk)
    reconciliation.check_want(account.pk, "test")
    waiting_entry(make, account)
    exchange_has(USDT="175")
    work.account_work(account_id=account.pk)
    row = Balance.objects.get(currency="USDT")
    assert (row.total, row.exchange_total) == (Decimal(100), Decimal(175))
    assert AccountCheck.objects.get().outcome == "shown" and not Notice.objects.exists()
    later = now() + check.CONFIRM
    with clock_set(lambda: later):
        assert sweep.accounts_with_work() == {account.pk}
        work.account_work(account_id=account.pk)
    assert Balance.objects.get(currency="USDT").total == Decimal(175)
    assert LedgerEntry.objects.get(amount="75").kind == "deposit"
    assert "+75 USDT" in Notice.objects.get().text
    assert AccountCheck.objects.first().outcome == "repaired"


def test_a_difference_that_goes_away_was_a_fill_not_listed_yet(make, account, exchange_has):
    exchange_has(USDT="100")
    work.account_work(account_id=account.pk)
    reconciliation.check_want(account.pk, "test")
    waiting_entry(make, account)
    for total, seconds in (("90", 0), ("100", 20), ("100", 40)):
        exchange_has(USDT=total)
        later = now() + timedelta(seconds=seconds)
        with clock_set(lambda later=later: later):
            work.account_work(account_id=account.pk)
    assert Balance.objects.get(currency="USDT").total == Decimal(100) and LedgerEntry.objects.count() == 1
    assert AccountLease.objects.get().unconfirmed == {}


@pytest.mark.parametrize(("kind", "listed"), [("market", None), ("limit", None), ("limit", "2"), ("limit", "0")])
def test_nothing_is_compared_while_fills_are_known_to_be_missing(
    make, account, exchange_has, monkeypatch, kind, listed
):
    """An order has ended there, or was filled further than we have it, and its trades are not listed yet."""
    exchange_has(USDT="1000")
    work.account_work(account_id=account.pk)
    before = AccountLease.objects.get(account=account)
    bot, instrument = make.bot(account), make.instrument()
    common = {"bot": bot, "account": account, "instrument": instrument, "side": "buy"}
    position = make.position(bot, instrument, status="opening", amount=0, bought=0, buy_cost=0)
    intent = Intent.objects.create(config=bot.config, purpose="entry", status="claimed", position=position, **common)
    order = Order.objects.create(
        intent=intent, position=position, client_order_id="x" * 26, exchange_order_id="7", type=kind, status="active",
        amount="4", price="90" if kind == "limit" else None, **common,
    )  # fmt: skip
    status, filled = ("open", float(listed)) if listed else ("closed", 4.0)
    answer = {"id": "7", "clientOrderId": order.client_order_id, "symbol": instrument.symbol, "side": "buy",
              "amount": 4.0, "status": status, "filled": filled, "info": {}}  # fmt: skip

    async def told(*_):
        return (answer, [])

    async def rows(*_):
        return [answer] if listed else []

    monkeypatch.setattr(live_calls, "order_look", told)
    reconciliation.check_want(account.pk, "test")
    asked = exchange_has(USDT="800", BTC="2")
    asked.clear()
    monkeypatch.setattr(live_calls, "orders_open", rows)
    work.account_work(account_id=account.pk)
    after = AccountLease.objects.get(account=account)
    compared = listed == "0"
    assert bool(asked) == compared
    assert bool(after.unconfirmed) == compared and before.unconfirmed == {}


def test_balances_are_read_after_what_was_told_is_accounted(make, account, exchange_has, monkeypatch):
    """A fill that is told may send an order at once, which moves them."""
    exchange_has(USDT="1000")
    work.account_work(account_id=account.pk)
    steps = []
    feed, balances = runner.Runner.feed, live_calls.balances_read

    async def read(account):
        steps.append("balances")
        return await balances(account)

    monkeypatch.setattr(live_calls, "balances_read", read)
    monkeypatch.setattr(
        runner.Runner, "feed", lambda self, event: (steps.append(type(event).__name__), feed(self, event))
    )
    monkeypatch.setattr(check.Check, "told", lambda self: [CashMoved(now(), "USDT", Decimal(5), "told")])
    reconciliation.check_want(account.pk, "test")
    waiting_entry(make, account)
    work.account_work(account_id=account.pk)
    assert steps.index("CashMoved") < steps.index("balances")


def test_an_owner_may_have_an_idle_account_compared(account, exchange_has):
    asked = exchange_has(USDT="100")
    work.account_work(account_id=account.pk)
    work.account_work(account_id=account.pk)
    reconciliation.check_request(account=account)
    work.account_work(account_id=account.pk)
    work.account_work(account_id=account.pk)
    assert len(asked) == 2


def test_other_keys_are_compared_at_once(account, exchange_has, monkeypatch, settings):
    """They may open another account at the exchange."""
    settings.XRAY_EXCHANGE_ENDPOINTS = '{"binance": {"rest": "http://127.0.0.1:1"}}'
    asked = exchange_has(USDT="100")
    monkeypatch.setattr("accounts.services.exchange_accounts.verify_enqueue", lambda _account: None)
    work.account_work(account_id=account.pk)
    account_replace_keys(account=account, api_key="a-key-of-another", api_secret="a-secret", actor=account.user)
    ExchangeAccount.objects.update(verification="verified")
    exchange_has(USDT="777")
    work.account_work(account_id=account.pk)
    assert len(asked) == 2
    assert AccountCheck.objects.latest("at").reason == "its keys were replaced"


def test_a_ban_pauses_no_bot(make, account, exchange_has):
    """Nothing was sent, and nothing can be until it ends: that is no error of anybody's, however often it is met."""
    bot = make.bot(account)
    exchange_has(error=ExchangeNotSent("asked us to wait", retry_after_s=18))
    waiting_entry(make, account)
    for _ in range(6):
        with pytest.raises(ExchangeNotSent):
            work.account_work(account_id=account.pk)
    bot.refresh_from_db()
    assert (bot.status, bot.consecutive_errors) == ("running", 0)


def test_the_rotation_takes_the_longest_unchecked_with_something_open(make, at_noon):
    rows, instrument = [], make.instrument()
    for minutes in (30, 20, 16, 5):
        bot = make.bot(make.account(mode="practice", last_checked_at=at_noon - timedelta(minutes=minutes)))
        make.position(bot, instrument)
        AccountLease.objects.create(account=bot.account)
        rows.append(bot.account)
    assert sweep.checks_rotate() == sweep.ROTATED_A_SWEEP == 2
    wanted = AccountLease.objects.exclude(check_wanted_at=None).values_list("account_id", flat=True)
    assert set(wanted) == {rows[0].pk, rows[1].pk}
    assert sweep.checks_rotate() == 1 and sweep.checks_rotate() == 0


def test_an_exchange_that_is_down_means_no_trading_and_five_errors_pause_the_bot(make, account, exchange_has):
    bot = make.bot(account)
    exchange_has(error=ExchangeRetry("The exchange cannot be reached."))
    for _ in range(5):
        with pytest.raises(ExchangeRetry):
            work.account_work(account_id=account.pk)
    bot.refresh_from_db()
    assert bot.status == "paused" and "cannot be reached" in bot.status_reason


def test_a_revoked_key_stops_only_its_account(make, account, exchange_has):
    other = make.account(mode="practice", verification="verified", sealed_credentials="sealed")
    exchange_has(error=ExchangeStopped("The key was revoked."))
    with pytest.raises(ExchangeStopped):
        work.account_work(account_id=account.pk)
    account.refresh_from_db()
    other.refresh_from_db()
    assert (account.status, other.status) == ("paused", "active")
    assert "revoked" in account.status_reason and Notice.objects.get().level == "bad"


def test_the_sweeper_finds_what_nobody_was_woken_for(make, at_noon):
    bots = [make.bot() for _ in range(4)]
    btc = make.instrument()
    common = {"instrument": btc, "side": "buy", "purpose": "entry"}
    Intent.objects.create(bot=bots[0], config=bots[0].config, account=bots[0].account, **common)
    make.position(bots[1], btc, hold_until=AT)
    make.position(bots[2], btc, hold_until=at_noon + timedelta(hours=1))
    stale = {"status": "claimed", "claimed_at": at_noon - timedelta(minutes=2)}
    Intent.objects.create(bot=bots[3], config=bots[3].config, account=bots[3].account, **common, **stale)
    for bot in bots:
        LedgerEntry.objects.create(
            account=bot.account, reference="start", currency="USDT", amount="1", kind="deposit", at=AT
        )
    new, rests = make.account(), make.bot(make.account(mode="practice", verification="verified"))
    make.account(mode="practice", verification="unverified")
    order = {"bot": rests, "account": rests.account, "instrument": btc, "side": "buy", "amount": "1"}
    intent = Intent.objects.create(
        bot=rests, config=rests.config, account=rests.account, status="done", **{**common, "instrument": btc}
    )
    Order.objects.create(intent=intent, client_order_id="x", type="limit", status="active", price="90", **order)
    expected = {bots[n].account_id for n in (0, 1, 3)} | {new.pk, rests.account_id}
    assert sweep.accounts_with_work() == expected | {bots[2].account_id}  # which only holds: looked at
    assert sweep.accounts_with_work() == expected  # once a minute


def test_signals_whose_fan_out_was_lost_are_fanned_out_by_the_sweeper(make, at_noon):
    make.bot()
    signal = make.signal(make.instrument())
    type(signal).objects.update(created_at=at_noon - timedelta(seconds=30))
    assert sweep.signals_fan_out_missed() == 1
    assert sweep.signals_fan_out_missed() == 0


def test_leases_of_dead_processes_are_given_back(make):
    import os
    import socket
    import subprocess
    import sys

    from trading.leases import lease_take
    from trading.models import AccountLease

    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    alive, dead = make.account(), make.account()
    lease_take(account_id=alive.pk)
    lease_take(account_id=dead.pk)
    owner = f"{socket.gethostname()[:24]}:{gone.stdout.strip()}:1:x"
    AccountLease.objects.filter(account=dead).update(owner=owner)
    assert sweep.dead_leases_release() == 1
    assert str(os.getpid()) in AccountLease.objects.get(account=alive).owner
    assert AccountLease.objects.get(account=dead).owner == ""


def test_snapshots_are_due_for_what_changed_or_is_open(make, at_noon):
    from trading.services.snapshots import snapshots_take_due

    changed, quiet = make.account(), make.account()
    Balance.objects.create(account=changed, currency="USDT", total="100", updated_at=at_noon)
    Balance.objects.create(account=quiet, currency="USDT", total="5", updated_at=AT)
    BalanceSnapshot.objects.create(account=quiet, at=at_noon - timedelta(seconds=20), equity=5, free=5, in_positions=0)
    assert snapshots_take_due() == 1
    assert BalanceSnapshot.objects.get(account=changed).equity == 100
    assert snapshots_take_due() == 0
