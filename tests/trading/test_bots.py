from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.clock import now
from accounts.models import AuditEvent, Notice
from trading.domain.types import AddStep
from trading.models import BalanceSnapshot, BotConfig
from trading.services import bots
from trading.services.bot_validation import bot_config_validate, config_warnings
from trading.services.errors import account_errors_count, bot_errors_count, bot_errors_reset
from trading.services.presets import PRESETS
from trading.store.plans import plan_of

pytestmark = pytest.mark.django_db


def test_an_account_in_a_currency_that_nothing_trades_against_is_refused(make):
    account = make.account(quote_currency="ZZZ")
    data = {"name": "Mine", "account": str(account.public_id)}
    assert bot_config_validate(data, user=account.user)[1] == {}, "no markets are loaded yet"
    make.instrument()
    assert "nothing against ZZZ" in bot_config_validate(data, user=account.user)[1]["account"][0]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "", "1 to 80"),
        ("symbols", ["NOPE/USDT"], "NOPE/USDT"),
        ("symbols", ["btc"], "Did you mean BTC/USDT?"),
        ("symbols", 7, "list of symbols"),
        ("symbols", ["", " "], "No symbol is named"),
        ("timeframe", "7m", "One of: 1m"),
        ("source", "guru", "aggregate, strategy"),
        ("source", "strategy", ""),
        ("strategy", "12345", "no enabled strategy"),
        ("use_model", "perhaps", "true or false"),
        ("confidence_threshold", "1.01", "Between 0 and 1"),
        ("capital_per_trade", "-200", "At least 10"),
        ("capital_per_trade", "9.99", "At least 10"),
        ("capital_per_trade", "a lot", "Not a usable number"),
        ("capital_per_trade", "NaN", "Not a usable number"),
        ("capital_per_trade", "1e40", "Not a usable number"),
        ("profit_target", "0", "above 0 and below 1"),
        ("profit_target", "1", "above 0 and below 1"),
        ("stop_loss", "0", "never above the entry"),
        ("stop_loss", "-0.01", "never above the entry"),
        ("stop_loss", "1.2", "never above the entry"),
        ("holding_time_s", "1.5", "Whole seconds"),
        ("holding_time_s", "5", "from 10"),
        ("maker_timeout_s", 0, "1 to 3600"),
        ("max_positions", 0, "1 to 100"),
        ("max_positions", True, "1 to 100"),
        ("max_drawdown", "1.5", "0.001 to 1"),
        ("max_spread", "0.5", "0.00001 to 0.1"),
        ("entry_type", "yolo", "maker, market"),
        ("notifications", ["sms"], "trades, errors, daily"),
        ("trailing", "0.0001", "from 0.0005 to 0.5"),
        ("trailing", "-0.01", "from 0.0005 to 0.5"),
        ("trailing_after", "2", "from 0 to 1"),
        ("breakeven_after", "x", "Not a usable number"),
        ("exit_type", "hope", "market, maker"),
        ("protection", "none", "platform, exchange"),
        ("profit_steps", "0.01", "Up to 10 steps"),
        ("profit_steps", [{"gain": "0.01"}], "Up to 10 steps"),
        ("profit_steps", [{"gain": "0.01", "share": "a"}], "Not a usable number"),
        ("profit_steps", [{"gain": "0.01", "share": "0"}], "shares of at most 1"),
        ("profit_steps", [{"gain": "0.004", "share": "0.6"}, {"gain": "0.005", "share": "0.5"}], "shares of at most 1"),
        ("profit_steps", [{"gain": "0.005", "share": "0.1"}, {"gain": "0.004", "share": "0.1"}], "gains rising"),
        ("profit_steps", [{"gain": "0.012", "share": "0.5"}], "never reached: the target of 1.2 %"),
        ("profit_steps", [{"gain": f"0.00{n}", "share": "0.01"} for n in range(1, 10)] * 2, "Up to 10 steps"),
        ("add_steps", [{"fall": "0.004", "share": "0.5"}, {"fall": "0.004", "share": "0.5"}], "falls rising"),
        ("add_steps", [{"fall": "0.004", "share": "11"}], "shares from 0.01 to 10"),
        ("add_steps", [{"fall": "0.009", "share": "1"}], "the stop sells at a fall of 0.90 %"),
        ("mode", "live", "The mode is the account's: paper"),
        ("colour", "red", "no such field"),
    ],
)
def test_nonsense_is_refused_with_what_is_allowed(make, field, value, words):
    account = make.account()
    make.instrument()
    data = {"name": "Mine", "account": str(account.public_id), field: value}
    _clean, errors = bot_config_validate(data, user=account.user)
    wrong = "strategy" if (field, value) == ("source", "strategy") else field
    assert list(errors) == [wrong]
    assert words in errors[wrong][0]


def test_steps_are_kept_exactly_and_may_lie_between_stops(make):
    account = make.account()
    steps = {
        "profit_steps": [{"gain": 0.005, "share": "0.50"}, {"gain": "0.01", "share": "0.5"}],
        # the second is below the first stop (0.9 %), and above the stop of the average that the first step made
        "add_steps": [{"fall": "0.008", "share": "1"}, {"fall": "0.0125", "share": "1"}],
    }
    clean, errors = bot_config_validate({"name": "Mine", "account": account, **steps}, user=account.user)
    assert errors == {}
    assert clean["profit_steps"] == [{"gain": "0.005", "share": "0.5"}, {"gain": "0.01", "share": "0.5"}]
    bot = bots.bot_create(user=account.user, data={"name": "Mine", "account": account, **steps})
    assert plan_of(bot.config).levels.add_steps == (
        AddStep(Decimal("0.008"), Decimal(1)),
        AddStep(Decimal("0.0125"), Decimal(1)),
    )
    warnings = config_warnings(clean)
    assert "costs 3 times its first entry" in warnings["add_steps"][0]


@pytest.mark.parametrize(
    ("exchange", "mode", "protection", "words"),
    [
        ("binance", "practice", "exchange", None),
        ("binance", "practice", "platform", "Binance can hold stop and target: choose that."),
        ("bybit", "testnet", "exchange", None),
        ("bybit", "testnet", "platform", "Bybit can hold the stop: choose that."),
        ("kucoin", "live", "exchange", "KuCoin holds no stop for this platform. Its documentation does not say"),
        ("mexc", "live", "platform", "While this platform is down, nothing sells."),
        ("mexc", "paper", "exchange", None),
    ],
)
def test_whoever_sets_a_bot_up_is_told_where_its_stops_wait(make, exchange, mode, protection, words):
    account = make.account(exchange=exchange, mode=mode)
    data = {"name": "Mine", "account": account, "protection": protection}
    clean, errors = bot_config_validate(data, user=account.user)
    assert errors == {} and clean["protection"] == protection
    found = config_warnings(clean).get("protection", [None])[0]
    assert found is words if words is None else words in found


def test_small_steps_need_more_capital(make):
    account = make.account()
    make.instrument()
    data = {"name": "Mine", "account": account, "symbols": ["BTC/USDT"], "capital_per_trade": "40"}
    steps = [{"gain": "0.005", "share": "0.1"}]
    assert bot_config_validate(data, user=account.user)[1] == {}
    found = bot_config_validate({**data, "profit_steps": steps}, user=account.user)[1]
    assert "the smallest step" in found["capital_per_trade"][0]


def test_account_of_somebody_else_is_refused(make):
    stranger = make.account()
    _clean, errors = bot_config_validate({"name": "Mine", "account": str(stranger.public_id)}, user=make.user())
    assert "your own" in errors["account"][0]


def test_capital_that_cannot_be_sold_after_a_stop_is_refused(make):
    account = make.account()
    make.instrument(min_notional=Decimal(50))
    data = {"name": "Mine", "account": account.pk, "symbols": "btc/usdt", "capital_per_trade": "50"}
    _clean, errors = bot_config_validate(data, user=account.user)
    assert "50.96 USDT" in errors["capital_per_trade"][0]
    _clean, errors = bot_config_validate({**data, "capital_per_trade": "51"}, user=account.user)
    assert errors == {}


@pytest.mark.parametrize(
    ("mode", "equity", "values", "words"),
    [
        ("paper", None, {"capital_per_trade": "10001"}, "A trade of 10,001.00 cannot be paid"),
        ("paper", None, {"capital_per_trade": "5000", "max_positions": 5}, "5 such trades come to 25,000.00"),
        ("paper", None, {"capital_per_trade": "5000", "max_positions": 4}, None),
        ("paper", "120.5", {"capital_per_trade": "121", "max_positions": 1}, "is worth 120.50 USDT"),
        ("paper", "0", {"capital_per_trade": "20"}, "is worth 0.00 USDT"),
        ("practice", None, {"capital_per_trade": "1000000"}, None),
        ("practice", "50", {"capital_per_trade": "1000000", "sizing": "equity"}, None),
        (
            "practice",
            "250",
            {"capital_per_trade": "100", "max_positions": 1, "add_steps": [{"fall": "0.002", "share": "2"}]},
            "A trade of 300.00 with its steps in cannot be paid",
        ),
    ],
)
def test_more_money_than_the_account_has_is_warned_of_and_not_refused(make, mode, equity, values, words):
    account = make.account(mode=mode)
    if equity is not None:
        BalanceSnapshot.objects.create(account=account, equity=equity, free=equity, in_positions="0", at=now())
    clean, errors = bot_config_validate({"name": "Mine", "account": account, **values}, user=account.user)
    told = config_warnings(clean).get("capital_per_trade", [""])[0]
    assert errors == {} and (words in told if words else told == "")


def test_presets_are_valid_and_only_the_scalper_is_warned_of(make):
    account = make.account()
    for name, preset in PRESETS.items():
        clean, errors = bot_config_validate({"name": name, "account": account, **preset["values"]}, user=account.user)
        assert errors == {}
        assert ("profit_target" in config_warnings(clean)) == (name == "zero_fee_maker")
    assert PRESETS["zero_fee_maker"]["values"]["profit_target"] == Decimal("0.00015")


def test_versions_are_immutable_and_numbered(make, woken, django_capture_on_commit_callbacks):
    account = make.account()
    data = {"name": "Mine", "account": str(account.public_id), "stop_loss": 0.01}
    bot = bots.bot_create(user=account.user, data=data)
    first = bot.config
    assert (first.version, first.stop_loss) == (1, Decimal("0.01"))
    with django_capture_on_commit_callbacks(execute=True):
        second = bots.bot_configure(bot=bot, data={"stop_loss": "0.02"}, actor=account.user)
    assert second.version == 2 and woken == [account.pk]
    same = bots.bot_configure(bot=bot, data={"stop_loss": "0.020", "name": "Other"}, actor=account.user)
    assert same == second and BotConfig.objects.count() == 2
    first.refresh_from_db()
    assert first.stop_loss == Decimal("0.01")
    event = AuditEvent.objects.filter(action="bot.configured").last()
    assert event.detail["changes"] == {"stop_loss": ["0.01", "0.02"]}
    with pytest.raises(ValidationError):
        bots.bot_configure(bot=bot, data={"stop_loss": "2"}, actor=account.user)
    bot.refresh_from_db()
    assert bot.config == second


def test_open_positions_keep_their_version_unless_asked(make):
    bot = make.bot()
    position = make.position(bot, make.instrument())
    bots.bot_configure(bot=bot, data={"stop_loss": "0.05"}, actor=bot.user)
    position.refresh_from_db()
    assert position.config.version == 1
    bots.bot_configure(bot=bot, data={}, actor=bot.user, apply_to_open=True)
    position.refresh_from_db()
    assert position.config.version == 2


def test_life_of_a_bot(make):
    bot = make.bot(status="stopped")
    with pytest.raises(ValidationError):
        bots.bot_pause(bot=bot, actor=bot.user)
    assert bots.bot_start(bot=bot, actor=bot.user).status == "running"
    assert bots.bot_pause(bot=bot, actor=bot.user).status == "paused"
    assert bots.bot_resume(bot=bot, actor=bot.user).status == "running"
    position = make.position(bot, make.instrument())
    with pytest.raises(ValidationError, match="open position"):
        bots.bot_delete(bot=bot, actor=bot.user)
    position.status = "closed"
    position.save()
    bots.bot_delete(bot=bot, actor=bot.user)
    assert bot.deleted_at and bot.status == "stopped"
    actions = list(AuditEvent.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["bot.started", "bot.paused", "bot.started", "bot.deleted"]


def test_another_trader_may_not_touch_it(make):
    bot, stranger = make.bot(), make.user()
    for service in (bots.bot_start, bots.bot_stop, bots.bot_pause, bots.bot_resume, bots.bot_delete):
        with pytest.raises(PermissionDenied):
            service(bot=bot, actor=stranger)


@pytest.mark.parametrize(
    ("account", "words"),
    [
        ({"status": "paused"}, "paused"),
        ({"mode": "practice", "verification": "unverified"}, "verify"),
        ({"mode": "practice", "verification": "unproven"}, "attest"),
        ({"mode": "live", "verification": "verified", "live_enabled": True}, "XRAY_LIVE_TRADING"),
    ],
)
def test_a_bot_does_not_start_on_an_account_that_may_not_trade(make, account, words):
    bot = make.bot(make.account(**account), status="stopped")
    with pytest.raises(ValidationError, match=words):
        bots.bot_start(bot=bot, actor=bot.user)


def test_five_errors_in_a_row_pause_the_bot_with_a_notice(make):
    bot = make.bot()
    for _ in range(4):
        account_errors_count(account_id=bot.account_id, message="time-out")
    bot_errors_reset(bot_ids=[bot.pk])
    for _ in range(4):
        assert bot_errors_count(bot_ids=[bot.pk], message="time-out") == []
    bot.refresh_from_db()
    assert bot.status == "running"
    assert bot_errors_count(bot_ids=[bot.pk], message="time-out") == [bot]
    bot.refresh_from_db()
    assert bot.status == "paused" and "time-out" in bot.status_reason
    assert Notice.objects.get(user=bot.user).level == "bad"
    assert bots.bot_resume(bot=bot, actor=bot.user).consecutive_errors == 0
