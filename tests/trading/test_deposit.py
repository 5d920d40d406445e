"""The account's value as it is stored and read: one definition, no request, deposits apart from profit."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from accounts.clock import clock_set
from accounts.exchanges import factory, loop
from signals import quotes
from signals.models import Instrument
from tests.trading.conftest import AT
from trading import watch
from trading.models import Balance, BalanceSnapshot, LedgerEntry, Position
from trading.selectors.accounts import accounts_read, today_base_of
from trading.selectors.deposit import routes_forget, symbols_valued
from trading.selectors.worth import worth_of
from trading.services.snapshots import snapshots_store, snapshots_take_due, snapshots_thin

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("market")]
D = Decimal


@pytest.fixture
def market():
    quotes.quotes_forget()
    yield
    quotes.quotes_forget()


def show(symbol, bid, at):
    quotes.publish("binance", [quotes.QuoteRow(symbol, D(bid), D(bid) + 1, D(1), D(1), at)])


def move(account, currency, amount, kind="deposit"):
    LedgerEntry.objects.create(
        account=account, reference=f"{kind}:{LedgerEntry.objects.count()}", currency=currency, amount=D(amount),
        kind=kind, at=AT,
    )  # fmt: skip
    row, _new = Balance.objects.get_or_create(account=account, currency=currency)
    Balance.objects.filter(pk=row.pk).update(total=D(row.total) + D(amount), updated_at=AT)


def store(account, at):
    with clock_set(lambda: at):
        made = snapshots_store(accounts=[account])
    return made[0] if made else None


@pytest.fixture
def account(make):
    found = make.account()
    make.instrument("BTC/USDT", volume_quote_24h=1e9)
    make.instrument("SOL/BTC", volume_quote_24h=50.0, selected=False)
    show("BTC/USDT", 50000, AT)
    show("SOL/BTC", "0.002", AT)
    move(found, "USDT", 1000)
    return found


def test_deposits_are_no_profit_and_the_return_is_not_diluted(account):
    assert store(account, AT).growth == 1
    move(account, "SOL", 2)  # 200 USDT, by hand
    row = store(account, AT + timedelta(seconds=20))
    assert (row.equity, row.net_deposits, row.in_positions, row.growth) == (1200, 1200, 200, 1)
    assert row.lines[1]["route"] == ["SOL", "BTC", "USDT"] and D(row.lines[1]["value"]) == 200
    show("SOL/BTC", "0.0026", AT + timedelta(seconds=30))
    row = store(account, AT + timedelta(seconds=40))  # 60 on 1,200
    assert (row.equity - row.net_deposits, row.growth) == (60, D("1.05"))
    move(account, "USDT", -1000, "withdrawal")
    row = store(account, AT + timedelta(seconds=60))
    assert (row.equity, row.net_deposits, row.growth) == (260, 200, D("1.05"))


def test_a_token_that_loses_its_pair_is_listed_and_no_loss(account):
    move(account, "SOL", 2)
    move(account, "GIFT", 9)
    row = store(account, AT)
    assert (row.equity, row.unpriced) == (1200, ["GIFT"])
    Instrument.objects.filter(symbol="SOL/BTC").update(active=False)  # delisted
    routes_forget()
    row = store(account, AT + timedelta(seconds=60))
    assert (row.equity, row.net_deposits, row.growth, row.unpriced) == (1000, 1000, 1, ["GIFT", "SOL"])


def test_without_usable_quotes_the_last_value_stays_with_its_age(account):
    move(account, "SOL", 2)
    assert store(account, AT).equity == 1200
    late = AT + timedelta(minutes=30)
    assert store(account, late) is None
    with clock_set(lambda: late):
        (shown,) = accounts_read(account.user)
    assert shown.equity_now == 1200 and BalanceSnapshot.objects.count() == 1
    for minutes in (30, 35, 41):  # the exchange delivers again, but never this one: it does not hold up for ever
        moment = AT + timedelta(minutes=minutes)
        show("BTC/USDT", 50000, moment)
        row = store(account, moment)
        assert (row is None) == (minutes < 40)
    assert (row.equity, row.net_deposits, row.unpriced) == (1000, 1000, ["SOL"])


def test_what_is_held_keeps_its_quotes_streamed(account):
    move(account, "SOL", 2)
    assert symbols_valued("binance") == {"SOL/BTC", "BTC/USDT"} and symbols_valued("okx") == set()


def test_valuing_asks_no_exchange(account, monkeypatch):
    """Pages and rounds of an idle account: neither a client is made nor a request sent."""
    asked = []
    for module, name in ((factory, "_cached"), (loop, "run")):  # what makes a client, what waits for an answer
        monkeypatch.setattr(module, name, lambda *args, _name=name, **more: asked.append(_name))
    move(account, "SOL", 2)
    with clock_set(lambda: AT):
        assert snapshots_take_due() == 1
        assert accounts_read(account.user)[0].equity_now == worth_of([account])[account.pk].equity == 1200
    assert asked == []


def test_old_snapshots_are_thinned_to_the_hours_last(account):
    for minutes in (70, 65, 50, 10, 0):
        store(account, AT - timedelta(minutes=minutes))
    with clock_set(lambda: AT + timedelta(hours=46)):
        assert snapshots_thin() == 0
    with clock_set(lambda: AT + timedelta(days=3)):
        assert snapshots_thin() == 2
    assert [row.at.minute for row in BalanceSnapshot.objects.order_by("at")] == [55, 50, 0]


def test_the_api_tells_the_deposit_and_its_history_to_its_owner_only(account, make):
    move(account, "SOL", 2)
    move(account, "GIFT", 9)
    store(account, AT)
    client, stranger = APIClient(), APIClient()
    client.force_authenticate(account.user)
    stranger.force_authenticate(make.user())
    url = f"/api/exchange-accounts/{account.public_id}/deposit"
    assert stranger.get(url).status_code == stranger.get(f"{url}/history").status_code == 404
    with clock_set(lambda: AT + timedelta(seconds=5)):
        show("SOL/BTC", "0.0026", AT + timedelta(seconds=4))
        told = client.get(url).json()
        history = client.get(f"{url}/history?range=1d").json()
    assert (told["equity"], told["net_deposits"], told["profit"], told["stale"]) == ("1260", "1200", "60", False)
    assert [line["currency"] for line in told["lines"]] == ["USDT", "SOL"] and told["returns"]["all"] == "0.05"
    assert told["lines"][1]["route"] == ["SOL", "BTC", "USDT"]
    assert [(line["currency"], line["value"], line["why"]) for line in told["unpriced"]] == [("GIFT", None, "no_route")]
    assert [point["equity"] for point in history["points"]] == ["1200"] and len(history["moves"]) == 3
    assert client.get(f"{url}/history?range=ever").status_code == 400
    with clock_set(lambda: AT + timedelta(hours=1)):
        told = client.get(url).json()
    assert (told["equity"], told["stale"], told["at"][:16]) == ("1200", True, "2026-03-01T12:00")


@pytest.mark.parametrize(
    ("mode", "checked", "words"),
    [("paper", None, "when its first bot starts"), ("practice", None, "was never read"), ("practice", AT, "")],
)
def test_an_account_that_was_never_read_has_no_value_and_says_why(make, mode, checked, words):
    account = make.account(mode=mode, last_checked_at=checked)
    client = APIClient()
    client.force_authenticate(account.user)
    told = client.get(f"/api/exchange-accounts/{account.public_id}/deposit").json()
    names = ("equity", "free", "net_deposits", "profit")
    assert {told[name] for name in names} == ({None} if words else {"0"})
    assert set(told["returns"].values()) == ({None} if words else {"0"})
    assert words in told["unread"] and bool(told["unread"]) == bool(words)


def test_what_was_counted_is_not_counted_again_beside_a_new_account(account, make):
    store(account, AT)
    move(other := make.account(), "USDT", 70)
    with clock_set(lambda: AT + timedelta(seconds=20)):
        made = snapshots_store(accounts=[account, other])
    assert [(row.net_deposits, row.growth) for row in made] == [(1000, 1), (70, 1)]


def test_a_deposit_in_the_middle_of_a_day_is_no_result_on_any_page(account, make, monkeypatch):
    """Neither in the seconds until a snapshot counts it, nor after."""
    bot = make.bot(account=account)
    store(account, AT - timedelta(days=1))
    store(account, AT)
    instrument = Instrument.objects.get(symbol="BTC/USDT")
    Position.objects.create(
        account=account, bot=bot, config=bot.config, instrument=instrument, status="open", amount=D("0.001"),
        buy_cost=D(50), public_id=uuid4(), opened_at=AT,
    )  # fmt: skip
    pushed = []
    monkeypatch.setattr(watch.live, "push", lambda user, kind, payload: pushed.append(payload))
    monkeypatch.setattr(watch.Watcher, "_start", lambda self: None)
    watcher = watch.Watcher()

    def shown():
        with clock_set(lambda: AT):
            pushed.clear()
            watcher.reload()
            watcher.quotes_seen("binance", [quotes.latest("binance", "BTC/USDT")])
            watcher.pnl_push()
            (row,) = accounts_read(account.user)
        return pushed[0].get("equity"), pushed[0].get("today"), row.equity_now - today_base_of(row)

    assert shown() == ("1000", "0", 0)
    move(account, "USDT", 250)
    assert shown() == (None, None, 0)  # the last value stays
    store(account, AT + timedelta(seconds=9))
    assert shown() == ("1250", "0", 0)
    show("BTC/USDT", 50000, AT)
    move(account, "BTC", "0.002", kind="trade")
    assert shown() == ("1350", "100", 100)
