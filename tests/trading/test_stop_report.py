"""A stop's report says what was cancelled and closed, how long it took, and what is left and why."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.clock import clock_set
from accounts.models import Notice, User
from tests.trading.worlds import START, World, account_make, bot_make, intent_make
from trading.models import Order, StopSwitch
from trading.selectors.stop_report import stop_report
from trading.services.stops import stop_clear, stop_set

pytestmark = pytest.mark.django_db(transaction=True)
FLATTEN = StopSwitch.Level.FLATTEN


@pytest.fixture
def world():
    made = World()
    made.entry()
    made.run(100)
    resting = bot_make(made.account, "Resting", entry_type="maker", maker_timeout_s=600)
    intent_make(resting, made.btc)
    made.run(100)
    return made


def stopped(world, level, seconds=0, **scope):
    with clock_set(lambda: world.at + timedelta(seconds=seconds)):
        values = {"scope": "user", "target": str(world.account.user.public_id)} | scope
        return stop_set(level=level, actor=None, reason="test", **values)


def report_at(world, switch, user=None):
    with clock_set(lambda: world.at):
        switch.refresh_from_db()
        return stop_report(switch, user)


def test_a_report_fills_as_the_stop_is_obeyed(world):
    switch = stopped(world, FLATTEN)
    before = report_at(world, switch)
    assert not before.done and before.seconds is None
    assert before.totals == {"cancelled": 0, "closed": 0, "left": 2, "late": 0}
    assert [line.outcome for line in before.accounts[0].left] == [
        "its cancel is not asked for yet",
        "its sale has not begun",
    ]
    world.run(100, seconds=3)
    after = report_at(world, switch)
    assert after.done and after.seconds == 3.0
    assert after.totals == {"cancelled": 1, "closed": 1, "left": 0, "late": 0}
    (one,) = after.accounts
    assert one.cancelled[0].outcome == "cancelled" and one.cancelled[0].what == "BTC/USDT, Resting"
    assert re.fullmatch(r"closed \(force exit\), result -\d+\.\d\d USDT", one.closed[0].outcome)


def test_a_second_press_of_the_same_stop_goes_on_with_the_first(world):
    first = stopped(world, FLATTEN)
    world.run(100, seconds=1)
    again = stopped(world, FLATTEN, seconds=2)
    assert (again.pk, again.set_at) == (first.pk, first.set_at)
    assert report_at(world, again).totals["closed"] == 1
    assert Notice.objects.filter(title__startswith="A stop is in force").count() == 1
    assert stopped(world, StopSwitch.Level.REDUCE_ONLY).pk != first.pk
    first.refresh_from_db()
    assert first.cleared_at is not None


def test_a_lower_level_keeps_positions_and_says_so(world):
    switch = stopped(world, StopSwitch.Level.REDUCE_ONLY)
    world.run(100, seconds=1)
    report = report_at(world, switch)
    assert report.done and report.totals == {"cancelled": 1, "closed": 0, "left": 1, "late": 0}
    assert report.accounts[0].left[0].outcome.startswith("kept: this level sells nothing")


def test_what_happened_after_it_was_lifted_is_not_the_stops(world):
    switch = stopped(world, FLATTEN)
    with clock_set(lambda: world.at + timedelta(seconds=1)):
        stop_clear(switch=switch, actor=None)
    world.run(120, seconds=60)
    assert report_at(world, switch).totals["closed"] == 0
    trader = Client()
    trader.force_login(world.account.user, backend="django.contrib.auth.backends.ModelBackend")
    told = trader.get(reverse("stop_detail", args=[switch.public_id])).content.decode()
    assert "It was lifted, so what is left goes on without it." in told and "Nothing more is to be done" not in told


def test_an_entry_made_later_than_a_second_after_the_stop_is_listed(world):
    switch = stopped(world, FLATTEN, seconds=-30)
    order = Order.objects.filter(side="buy").first()
    assert order.created_at > switch.set_at + timedelta(seconds=1)
    assert report_at(world, switch).totals["late"] == 2


def test_a_trader_sees_the_report_over_their_own_accounts_only(world):
    other = account_make("other@example.com", name="Other")
    bot_make(other)
    switch = stopped(world, FLATTEN, scope="platform", target="")
    world.run(100)
    pages = {}
    for email in ("trader@example.com", "other@example.com"):
        client = Client()
        client.force_login(User.objects.get(email=email), backend="django.contrib.auth.backends.ModelBackend")
        pages[email] = client.get(reverse("stop_detail", args=[switch.public_id]))
        own = client.get(f"/api/stops/{switch.public_id}/report")
        assert own.status_code == 200
        assert len(own.json()["accounts"]) == (1 if email.startswith("trader") else 0)
    assert "BTC/USDT, Bot" in pages["trader@example.com"].content.decode()
    assert "nothing to cancel or close" in pages["other@example.com"].content.decode()
    mine = stopped(world, StopSwitch.Level.NO_NEW_ENTRIES, scope="account", target=str(other.public_id))
    trader = Client()
    trader.force_login(world.account.user, backend="django.contrib.auth.backends.ModelBackend")
    assert trader.get(reverse("stop_detail", args=[mine.public_id])).status_code == 404
    assert trader.get(f"/api/stops/{mine.public_id}/report").status_code == 404
    staff = Client()
    staff.force_login(User.objects.create_superuser("staff@example.com", "a-long-password-1"))
    shown = staff.get(reverse("admin:trading_stopswitch_change", args=[switch.pk])).content.decode()
    assert "BTC/USDT, Bot" in shown and "Nothing more is to be done" in shown
    assert switch.set_at > START
