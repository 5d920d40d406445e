"""Limits of an account are set by its owner, in per cent; what risk refused is listed by rule."""

import pytest
from django.urls import reverse

from accounts.models import AuditEvent
from tests.pages import worlds
from trading.models import AccountLimits, RiskEvent
from trading.services.bots import bot_configure
from trading.services.limits import account_limits_of

SENT = {"coin_exposure": "25", "group_exposure": "40", "daily_loss": "2.5", "on_breach": "flatten",
        "orders_per_minute": "60"}  # fmt: skip


def test_limits_are_typed_in_per_cent_and_stored_as_fractions(world, page):
    url = reverse("account_limits", args=[world.account.public_id])
    assert page.post(url, SENT)["Location"] == url
    row = AccountLimits.objects.get(account=world.account)
    assert [str(value) for value in (row.coin_exposure, row.group_exposure, row.daily_loss)] == ["0.25", "0.4", "0.025"]
    assert (row.on_breach, row.orders_per_minute) == ("flatten", 60)
    text = page.get(url).content.decode()
    assert 'value="25"' in text and 'value="2.5"' in text
    told = AuditEvent.objects.get(action="account.limits_set").detail
    assert told["daily_loss"] == ["0.15", "0.025"]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("coin_exposure", "0", "From 0.1 to 100 %"),
        ("coin_exposure", "100.1", "From 0.1 to 100 %"),
        ("daily_loss", "much", "From 0.1 to 100 %"),
        ("daily_loss", "NaN", "From 0.1 to 100 %"),
        ("orders_per_minute", "1.5", "A whole number"),
        ("on_breach", "panic", "One of: entries, reduce, flatten."),
    ],
)
def test_a_bad_limit_says_what_is_allowed_and_changes_nothing(world, page, name, value, words):
    answer = page.post(reverse("account_limits", args=[world.account.public_id]), {**SENT, name: value})
    assert answer.status_code == 422 and words in answer.content.decode()
    assert not AccountLimits.objects.exists()


def test_counting_anew_is_the_owners(world, page, stranger):
    url = reverse("limits_count_anew", args=[world.account.public_id])
    assert stranger.post(url).status_code == 404 and account_limits_of(world.account).counted_from is None
    page.post(url)
    assert account_limits_of(world.account).counted_from is not None


def test_what_risk_refused_is_listed_by_rule(world, page):
    for rule, level in (("spread", 0), ("spread", 0), ("daily_loss", 3)):
        RiskEvent.objects.create(
            bot=world.bot, rule=rule, level=level, reason=f"Because of {rule}.", snapshot={"allowed": "0.5"}
        )
    url = reverse("bot_risk", args=[world.bot.public_id])
    everything = page.get(url).content.decode()
    assert everything.count("Because of spread.") == 2 and "Sells everything" in everything
    assert "allowed 0.5" in everything
    anew = reverse("account_limits", args=[world.account.public_id])
    assert everything.count(anew) == 1  # beside the day's loss
    assert (
        page.get(reverse("bot_detail", args=[world.bot.public_id])).content.decode().count(f'"{anew}">Count anew') == 1
    )
    one = page.get(url, {"rule": "daily_loss"}).content.decode()
    assert "Because of daily_loss." in one and "Because of spread." not in one
    assert "Because of spread." in page.get(url, {"rule": "nonsense"}).content.decode()


def test_a_bots_limits_fold_opens_where_something_is_wrong(world, page):
    url = reverse("bot_edit", args=[world.bot.public_id])
    assert '<details class="fold" id="limits">' in page.get(url).content.decode()
    data = {"name": world.bot.name, "account": world.account.public_id, "strategy": "all", "timeframe": "1m",
            "confidence_threshold": "0.4", "capital_per_trade": "200", "max_positions": "2", "stop_loss": "0.9",
            "profit_target": "1.2", "holding_time_s": "2000", "entry_type": "market", "maker_timeout_s": "60",
            "on_maker_timeout": "cancel", "max_drawdown": "20", "max_spread": "1", "daily_loss": "500"}  # fmt: skip
    wrong = page.post(url, data)
    assert wrong.status_code == 422
    assert '<details class="fold" id="limits" open>' in wrong.content.decode()
    assert "From 0.1 to 100 %: 10 stops it" in wrong.content.decode()


def test_limits_that_a_form_does_not_send_stay(world, page):
    bot_configure(bot=world.bot, data={"daily_loss": "0.03", "sizing": "equity"}, actor=world.user)
    world.bot.refresh_from_db()
    assert (str(world.bot.config.daily_loss), world.bot.config.sizing) == ("0.03", "equity")
    assert worlds.bot(world.user, world.account, "Another").config.sizing == "fixed"


@pytest.mark.parametrize(("sizing", "size"), [("fixed", "200.00"), ("equity", "500.16"), ("volatility", "222.29")])
def test_the_preview_shows_what_a_trade_would_spend_at_todays_equity(world, page, sizing, size):
    changes = {"sizing": sizing, "equity_share": "0.05", "risk_per_trade": "0.0002", "stop_loss": "0.009"}
    bot_configure(bot=world.bot, data={"capital_per_trade": "200", **changes}, actor=world.user)
    assert size in page.get(reverse("bot_edit", args=[world.bot.public_id])).content.decode()
    assert size in page.get(reverse("bot_detail", args=[world.bot.public_id])).content.decode()
