from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.services.exchange_accounts import account_attest
from signals.models import Blacklist
from tests.trading.conftest import AT
from trading.models import Bot, BotConfig, Intent
from trading.services.intents import intents_fan_out
from trading.services.stops import stop_set

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_noon")]


def entries(bot):
    return list(Intent.objects.filter(bot=bot, purpose="entry").values_list("instrument__symbol", flat=True))


def test_one_entry_for_a_bot_that_wants_it(make, woken, django_capture_on_commit_callbacks):
    bot = make.bot()
    signal = make.signal(make.instrument())
    with django_capture_on_commit_callbacks(execute=True):
        assert intents_fan_out(signal_ids=[signal.pk]) == 1
    intent = Intent.objects.get()
    assert (intent.bot, intent.config, intent.account, intent.signal) == (bot, bot.config, bot.account, signal)
    assert (intent.purpose, intent.side, intent.status, intent.confidence) == ("entry", "buy", "pending", 0.7)
    assert intent.expires_at == AT + timedelta(minutes=2)
    assert intent.public_id.hex and woken == [bot.account_id]


def test_repeating_a_delivery_changes_nothing(make):
    make.bot(max_positions=1)
    ids = [make.signal(make.instrument(symbol)).pk for symbol in ("BTC/USDT", "ETH/USDT")]
    assert intents_fan_out(signal_ids=ids) == 1
    Intent.objects.update(status="denied")
    assert intents_fan_out(signal_ids=ids) == 0


def test_free_slots_are_filled_by_confidence_then_symbol(make):
    bot = make.bot(max_positions=3)
    make.position(bot, make.instrument("XRP/USDT"))
    a, b, c = (make.instrument(symbol) for symbol in ("ADA/USDT", "BTC/USDT", "ETH/USDT"))
    ids = [
        make.signal(a, confidence=0.5).pk,
        make.signal(c, confidence=0.8).pk,
        make.signal(b, confidence=0.8).pk,
        make.signal(c, confidence=0.9).pk,
    ]
    intents_fan_out(signal_ids=ids)
    assert entries(bot) == ["BTC/USDT", "ETH/USDT"] or set(entries(bot)) == {"BTC/USDT", "ETH/USDT"}
    assert Intent.objects.get(instrument=c).confidence == 0.9


@pytest.mark.parametrize(
    "config",
    [
        {"symbols": ["ETH/USDT"]},
        {"timeframe": "5m"},
        {"confidence_threshold": "0.71"},
        {"source": "strategy"},
    ],
)
def test_bots_that_do_not_want_the_signal(make, config):
    bot = make.bot(**config)
    intents_fan_out(signal_ids=[make.signal(make.instrument()).pk])
    assert entries(bot) == []


@pytest.mark.parametrize(
    "account",
    [
        {"status": "paused"},
        {"exchange": "okx"},
        {"quote_currency": "EUR"},
        {"mode": "practice", "verification": "unverified"},
        {"mode": "practice", "verification": "unproven", "permissions": {"may_withdraw": None}},
        {"mode": "live", "verification": "verified", "live_enabled": True},
    ],
)
def test_accounts_that_may_not_trade(make, account):
    bot = make.bot(make.account(**account))
    intents_fan_out(signal_ids=[make.signal(make.instrument()).pk])
    assert entries(bot) == []


def test_an_unproven_account_trades_once_its_owner_attests_it(make):
    account = make.account(mode="practice", verification="unproven", permissions={"may_withdraw": None})
    account_attest(account=account, actor=account.user)
    bot = make.bot(account)
    intents_fan_out(signal_ids=[make.signal(make.instrument()).pk])
    assert entries(bot) == ["BTC/USDT"]


def test_symbol_list_threshold_and_strategy_that_match(make):
    strategy = make.strategy()
    bot = make.bot(symbols=["ETH/USDT", "BTC/USDT"], confidence_threshold="0.70", source="strategy", strategy=strategy)
    intents_fan_out(signal_ids=[make.signal(make.instrument(), strategy=strategy).pk])
    assert entries(bot) == ["BTC/USDT"]


def test_model_signals_only_where_wanted(make):
    with_model, without = make.bot(use_model=True), make.bot(use_model=False)
    intents_fan_out(signal_ids=[make.signal(make.instrument(), strategy=make.strategy("model")).pk])
    assert entries(with_model) == ["BTC/USDT"] and entries(without) == []


def test_who_follows_the_aggregate_hears_no_single_strategy(make):
    bot = make.bot()
    intents_fan_out(signal_ids=[make.signal(make.instrument(), strategy=make.strategy("ma_cross")).pk])
    assert entries(bot) == []


@pytest.mark.parametrize(
    ("entry", "refused"),
    [
        ({"symbol": "BTC/USDT"}, True),
        ({"kind": "aggregate", "exchange": "binance"}, True),
        ({"symbol": "ETH/USDT"}, False),
        ({"exchange": "okx"}, False),
        ({"kind": "model"}, False),
        ({"symbol": "BTC/USDT", "expires_at": AT}, False),
        ({"symbol": "BTC/USDT", "lifted_at": AT}, False),
    ],
)
def test_a_users_blacklist_holds_entries_back_but_not_exits(make, entry, refused):
    bot, other = make.bot(), make.bot()
    Blacklist.objects.create(user=bot.user, reason="Asked for by mail.", **entry)
    btc, eth = make.instrument(), make.instrument("ETH/USDT")
    make.position(bot, eth)
    strategy = make.strategy()
    ids = [make.signal(btc, strategy=strategy).pk, make.signal(eth, side="sell", strategy=strategy).pk]
    intents_fan_out(signal_ids=ids)
    assert entries(bot) == ([] if refused else ["BTC/USDT"]) and entries(other) == ["BTC/USDT"]
    assert Intent.objects.filter(bot=bot, purpose="exit").count() == 1


def test_a_stop_on_a_voter_holds_the_aggregate_back(make):
    bot, voter = make.bot(), make.strategy("ma_cross")
    votes = [{"strategy": str(voter.public_id), "side": "buy"}]
    btc, eth = make.instrument(), make.instrument("ETH/USDT")
    stop_set(scope="strategy", target=str(voter.public_id), level=1, actor=None)
    intents_fan_out(signal_ids=[make.signal(btc, votes=votes).pk, make.signal(eth).pk])
    assert entries(bot) == ["ETH/USDT"]


@pytest.mark.parametrize("scope", ["platform", "exchange", "strategy", "user", "account", "bot"])
def test_a_stop_at_any_rung_holds_entries_back_but_not_exits(make, scope):
    bot, free = make.bot(), make.bot(make.account(exchange="okx"))
    btc, eth = make.instrument(), make.instrument("ETH/USDT")
    strategy = make.strategy()
    make.position(bot, eth)
    targets = {
        "platform": "",
        "exchange": "binance",
        "strategy": strategy.public_id,
        "user": bot.user.public_id,
        "account": bot.account.public_id,
        "bot": bot.public_id,
    }
    stop_set(scope=scope, target=str(targets[scope]), level=1, actor=None)
    ids = [make.signal(btc, strategy=strategy).pk, make.signal(eth, side="sell", strategy=strategy).pk]
    intents_fan_out(signal_ids=ids)
    assert entries(bot) == [] and entries(free) == []
    assert Intent.objects.get().purpose == "exit"


def test_exits_go_to_bots_that_hold_the_symbol_once(make):
    holder, other = make.bot(), make.bot()
    btc = make.instrument()
    make.bot(status="stopped")
    position = make.position(holder, btc)
    ids = [make.signal(btc, side="sell").pk, make.signal(btc, side="sell", confidence=0.9).pk]
    assert intents_fan_out(signal_ids=ids) == 1
    intent = Intent.objects.get()
    assert (intent.bot, intent.position, intent.side, intent.expires_at) == (holder, position, "sell", None)
    assert intent.confidence == 0.9 and not other.intents.exists()


def test_two_thousand_bots_in_a_fixed_number_of_queries(make):
    account = make.account()
    bots = Bot.objects.bulk_create(
        Bot(user=account.user, account=account, name=f"Many {n}", status="running") for n in range(2000)
    )
    configs = BotConfig.objects.bulk_create(BotConfig(bot=bot, version=1, max_positions=2) for bot in bots)
    for bot, config in zip(bots, configs, strict=True):
        bot.config = config
    Bot.objects.bulk_update(bots, ["config"], batch_size=500)
    symbols = ("BTC/USDT", "ETH/USDT", "ADA/USDT")
    ids = [make.signal(make.instrument(symbol)).pk for symbol in symbols]
    with CaptureQueriesContext(
        connection,
    ) as queries:
        made = intents_fan_out(signal_ids=ids)
    assert made == 4000
    assert Intent.objects.values("public_id").distinct().count() == 4000
    statements = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert len(statements) == 4, statements
