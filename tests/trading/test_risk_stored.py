"""Risk through the database: what a trip stores and tells, what wakes an account, where volatility comes from."""

from datetime import timedelta
from decimal import Decimal as D

import pytest

from accounts.clock import clock_set
from accounts.models import Notice
from signals.models import SymbolXray
from signals.quotes import QuoteRow
from tests.trading.worlds import START, World, bot_make, intent_make
from trading import watch
from trading.domain.risk.view import TODAY
from trading.models import AccountLease, Order, RiskEvent
from trading.services.limits import account_limits_set, losses_count_anew
from trading.watch import Watcher
from trading.watch_index import index_load

pytestmark = pytest.mark.django_db(transaction=True)
WIDE = {"stop_loss": D("0.9"), "profit_target": D("0.9"), "holding_time_s": 900_000}


@pytest.fixture
def world():
    made = World()
    made.bot = bot_make(made.account, "Wide", capital_per_trade=D(5000), daily_loss=D("0.1"), on_breach="flatten",
                        **WIDE)  # fmt: skip
    made.entry()
    made.run(100)
    return made


def row(bid, at):
    return QuoteRow("BTC/USDT", D(str(bid)), D(str(bid)) + D("0.02"), D(1000), D(1000), at)


def test_a_quote_that_touches_no_level_but_a_limit_is_acted_on_stored_and_told_once(world):
    world.run(82)  # 18 % of 5,000 of 10,000: not yet
    assert not RiskEvent.objects.exists()
    world.run(79)
    event = RiskEvent.objects.get()
    assert (event.rule, event.level, event.intent) == ("daily_loss", 3, None)
    assert D(event.snapshot["share"]) > D("0.1")
    world.run(79)
    assert world.position().close_reason == "force_exit" and world.position().status == "closed"
    notice = Notice.objects.get(title="Wide was held back: flatten")
    assert notice.text == event.reason and notice.link.endswith(f"/bots/{world.bot.public_id}/")
    late = world.entry()
    world.run(100)
    late.refresh_from_db()
    assert (late.status, late.reason) == ("denied", event.reason + TODAY)
    losses_count_anew(account=world.account, actor=world.account.user)
    again = world.entry()
    world.run(100)
    again.refresh_from_db()
    assert again.status == "done"


def test_an_idle_turn_stores_nothing(world):
    before = AccountLease.objects.get().sequence
    world.run(95)
    assert AccountLease.objects.get().sequence == before


def test_the_watcher_wakes_an_account_at_the_floor_and_not_above(world, monkeypatch):
    woken = []
    monkeypatch.setattr(watch, "account_wake_now", woken.append)
    monkeypatch.setattr(watch.live, "push", lambda *_args: None)
    floors = {bot: D(floor) for bot, floor in AccountLease.objects.get().floors.items()}
    assert floors.keys() == {"", str(world.bot.public_id)}
    held = world.position()
    edge = (floors[str(world.bot.public_id)] + held.buy_cost + held.fees_cash) / held.amount
    watcher = Watcher()
    watcher._start = lambda: None
    watcher.index = index_load(midnight=START)
    for bid, told in ((edge + D("0.01"), []), (edge - D("0.01"), [world.account.pk])):
        watcher.quotes_seen("binance", [row(bid, world.at)])
        watcher.pnl_push()
        assert woken == told


def test_the_size_follows_the_volatility_of_the_xray(world):
    account_limits_set(account=world.account, data={"coin_exposure": "0.9"}, actor=world.account.user)
    sized = bot_make(world.account, "Sized", sizing="volatility", equity_share=D("0.2"), risk_per_trade=D("0.001"))
    unknown = intent_make(sized, world.btc, created_at=world.at)
    world.run(100)
    unknown.refresh_from_db()
    assert unknown.status == "denied" and unknown.reason.startswith("The volatility of BTC/USDT is not known")
    xray = SymbolXray.objects.create(
        instrument=world.btc, timeframe="1m", candle_open_time=world.at, regime_since=world.at, mean_range=0.02,
        updated_at=world.at,
    )  # fmt: skip
    known = intent_make(sized, world.btc, created_at=world.at)
    world.run(100)
    order = Order.objects.get(intent=known)
    equity = D(10_000)  # a thousandth of it over 2 %: a twentieth
    assert abs(order.amount * D("100.02") - equity / 20) < 5
    SymbolXray.objects.filter(pk=xray.pk).update(updated_at=world.at - timedelta(hours=7))
    with clock_set(lambda: world.at):
        old = intent_make(bot_make(world.account, "Late", sizing="volatility"), world.btc, created_at=world.at)
    world.run(100)
    old.refresh_from_db()
    assert old.status == "denied"
