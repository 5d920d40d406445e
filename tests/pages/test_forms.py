"""Forms refuse nonsense with cause and cure, keep what was typed, and touch only what is the user's own."""

from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.models import ExchangeAccount
from tests.pages import worlds
from trading.models import Balance, Bot, Intent, Order, Position, StopSwitch
from trading.selectors.positions import open_value
from trading.services.stops import stop_set


def bot_data(world, **changes) -> dict[str, str]:
    return {
        "name": "Careful",
        "account": str(world.account.public_id),
        "strategy": "all",
        "timeframe": "1m",
        "symbols": "",
        "confidence_threshold": "0.5",
        "use_model": "on",
        "capital_per_trade": "150",
        "max_positions": "2",
        "stop_loss": "0.9",
        "profit_target": "1.2",
        "holding_time_s": "900",
        "entry_type": "maker",
        "maker_timeout_s": "20",
        "on_maker_timeout": "taker",
        "max_drawdown": "20",
        "max_spread": "1",
        **changes,
    }


def test_a_bot_is_created_with_fractions_of_what_was_typed_in_percent(world, page):
    answer = page.post(reverse("bot_new"), bot_data(world, notifications=["trades"]))
    made = Bot.objects.get(name="Careful")
    assert answer.status_code == 302 and str(made.public_id) in answer["Location"]
    assert (made.config.stop_loss, made.config.profit_target) == (Decimal("0.009"), Decimal("0.012"))
    assert made.config.notifications == ["trades"] and made.config.source == "aggregate" and made.status == "stopped"


def test_a_bot_can_be_started_at_once(world, page):
    page.post(reverse("bot_new"), bot_data(world, then="start", strategy=str(world.strategy.public_id)))
    made = Bot.objects.get(name="Careful")
    assert made.status == "running" and made.config.strategy == world.strategy


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("capital_per_trade", "-5", "At least 10"),
        ("capital_per_trade", "lots", "Not a usable number"),
        ("stop_loss", "120", "A stop is never above the entry"),
        ("stop_loss", "nan", "A stop is never above the entry"),
        ("profit_target", "0", "Above 0 and below 100"),
        ("symbols", "NOPE/USDT", "does not trade NOPE/USDT"),
        ("symbols", ",,,,,", "No symbol is named"),
        ("max_positions", "1.5", "whole number"),
        ("name", "", "A name of 1 to 80"),
        ("account", "", "Choose one of your own"),
        ("timeframe", "7m", "One of"),
        ("strategy", "not-one", "no enabled strategy"),
        ("confidence_threshold", "2", "Between 0 and 1"),
    ],
)
def test_a_wrong_field_is_refused_and_kept_as_typed(world, page, field, typed, words):
    answer = page.post(reverse("bot_new"), bot_data(world, **{field: typed}))
    text = answer.content.decode()
    assert answer.status_code == 422 and words in text and not Bot.objects.filter(name="Careful").exists()
    if typed and field not in ("timeframe", "strategy"):
        assert f'value="{typed}"' in text


def test_the_check_while_typing_answers_one_field_and_keeps_the_last_preview(world, page):
    answer = page.post(
        reverse("bot_check"), bot_data(world, stop_loss="200", field="stop_loss"), headers={"HX-Request": "true"}
    )
    text = answer.content.decode()
    assert 'id="field-stop_loss"' in text and 'aria-invalid="true"' in text and "1 field to fix" in text
    assert "last valid values" in text and 'id="preview"' not in text
    text = page.post(reverse("bot_check"), bot_data(world, field="stop_loss")).content.decode()
    assert 'id="preview"' in text and "1.65" in text and "1.50" in text  # 150 at 1.2 % and 0.9 %, 0.3 fees


def test_more_money_than_the_account_has_is_said_beside_the_plan(world, page):
    data = bot_data(world, capital_per_trade="50000", field="account")  # another field: the note follows every check
    text = page.post(reverse("bot_check"), data).content.decode()
    assert text.count("A trade of 50,000.00 cannot be paid: the account is worth 10,003.25 USDT.") == 1
    assert page.post(reverse("bot_new"), data).status_code == 302


def test_an_edit_makes_a_new_version_and_keeps_the_account(world, page):
    data = bot_data(world, name=world.bot.name, stop_loss="0.5")
    page.post(reverse("bot_edit", args=[world.bot.public_id]), data)
    world.bot.refresh_from_db()
    assert world.bot.config.version == 2 and world.bot.config.stop_loss == Decimal("0.005")


def test_bot_actions(world, page):
    def do(action: str) -> str:
        page.post(reverse("bot_action", args=[world.bot.public_id, action]))
        world.bot.refresh_from_db()
        return world.bot.status

    assert [do("pause"), do("resume"), do("stop"), do("start")] == ["paused", "running", "stopped", "running"]
    do("delete")
    assert world.bot.deleted_at is None  # it holds a position
    assert page.post(reverse("bot_action", args=[world.bot.public_id, "explode"])).status_code == 404


def test_strangers_can_do_nothing(world, stranger):
    attempts = [
        reverse("bot_action", args=[world.bot.public_id, "stop"]),
        reverse("position_close", args=[world.open.public_id]),
        reverse("bot_edit", args=[world.bot.public_id]),
        reverse("bot_check_existing", args=[world.bot.public_id]),
        reverse("account_keys", args=[world.account.public_id]),
        reverse("account_action", args=[world.account.public_id, "remove"]),
    ]
    assert [stranger.post(url, {"confirm": "Main"}).status_code for url in attempts] == [404] * len(attempts)
    assert stranger.post(reverse("account_select"), {"account": str(world.account.public_id)}).status_code == 404
    entry = {"bot": str(world.bot.pk), "amount_quote": "50"}
    assert stranger.post(reverse("chart_entry", args=["SOL/USDT"]), entry).status_code == 404
    world.bot.refresh_from_db()
    assert world.bot.status == "running" and not Intent.objects.filter(purpose="force_exit").exists()


def test_actions_are_posts(world, page):
    for url in (reverse("stop"), reverse("position_close", args=[world.open.public_id]), reverse("notices_read")):
        assert page.get(url).status_code == 302
        assert page.put(url).status_code == 405


def test_the_form_of_a_change_is_filled_in_with_numbers_that_it_takes(world, page):
    order = Order.objects.filter(side="buy").first()
    values = {"type": "limit", "status": "active", "price": "82588.5", "amount": "1200"}
    Order.objects.filter(pk=order.pk).update(**values)
    text = page.get(reverse("order_list")).content.decode()
    assert 'name="limit_price" value="82588.5"' in text and 'name="amount" value="1200"' in text


def test_the_stop_ladder(world, page):
    def own() -> int:
        return max(StopSwitch.objects.filter(cleared_at=None, scope="user").values_list("level", flat=True), default=0)

    page.post(reverse("stop"), {"level": "1"})
    assert own() == 1 and "No new entries" in page.get("/").content.decode()
    page.post(reverse("stop"), {"level": "2"})
    text = page.get(reverse("trade_list")).content.decode()
    assert own() == 2 and "Now: reduce only" in text and text.count('aria-pressed="true"') == 1
    refused = page.post(reverse("stop"), {"level": "3", "confirm": "flat"}, follow=True).content.decode()
    assert own() == 2 and "Nothing was sold" in refused
    page.post(reverse("stop"), {"level": "3", "confirm": "flatten"})
    assert own() == 3
    page.post(reverse("stop"), {"level": "0"})
    assert own() == 0
    assert "Choose a rung" in page.post(reverse("stop"), {"level": "9"}, follow=True).content.decode()


def test_the_stop_ladder_counts_positions_and_no_other_coins(world, page):
    Balance.objects.create(account=world.account, currency="BTC", total=Decimal(3))  # the trader's own: no bot sells it
    worth = open_value(world.user)
    assert f"about {worth:,.0f} USDT" in " ".join(page.get("/").content.decode().split())
    Position.objects.update(status="closed")
    text = page.get("/").content.decode()
    assert "There is no open position to sell." in text and "Sells 0 positions" not in text


def test_lifting_ones_stop_says_what_still_holds(world, page):
    nothing = page.post(reverse("stop"), {"level": "0"}, follow=True).content.decode()
    assert "no stop of yours" in nothing and "Trading goes on" not in nothing
    page.post(reverse("stop"), {"level": "2"})
    stop_set(scope="user", target=str(world.user.public_id), level=1, actor=None, reason="Odd orders")
    told = page.post(reverse("stop"), {"level": "0"}, follow=True).content.decode()
    assert "Your stop is lifted. Still in force: No new entries, set by staff" in told and "Trading goes on" not in told


def test_after_an_action_only_pages_of_this_site_follow(world, page):
    for target in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
        assert page.post(reverse("stop"), {"level": "1", "next": target})["Location"] == "/"
    assert page.post(reverse("stop"), {"level": "0", "next": "/bots/"})["Location"] == "/bots/"


def test_closing_a_position_queues_one_exit(world, page):
    url = reverse("position_close", args=[world.open.public_id])
    page.post(url)
    page.post(url)
    assert Intent.objects.filter(position=world.open, purpose="force_exit").count() == 1
    text = page.post(reverse("position_close", args=[world.trade.public_id]), follow=True).content.decode()
    assert "nothing to close" in text


def test_a_manual_entry(world, page):
    url = reverse("chart_entry", args=["BTC/USDT"])
    page.post(url, {"bot": str(world.bot.pk), "amount_quote": "50", "limit_price": ""})
    made = Intent.objects.get(purpose="manual_entry")
    assert made.amount_quote == 50 and made.limit_price is None and made.instrument.symbol == "BTC/USDT"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount_quote": "-1"}, "amount"),
        ({"amount_quote": "many"}, "amount"),
        ({"limit_price": "-3"}, "limit"),
        ({"bot": ""}, "bot"),
    ],
)
def test_a_wrong_manual_entry_is_refused_and_kept(world, page, changes, field):
    data = {"bot": str(world.bot.pk), "amount_quote": "50", "limit_price": "", **changes}
    answer = page.post(reverse("chart_entry", args=["BTC/USDT"]), data)
    assert answer.status_code == 422 and not Intent.objects.filter(purpose="manual_entry").exists()
    assert "invalid" in answer.content.decode() and data["amount_quote"] in answer.content.decode(), field


def test_a_paper_account_needs_no_keys(world, page):
    data = {
        "name": "Second",
        "exchange": "bybit",
        "mode": "paper",
        "quote_currency": "USDT",
        "paper_start_balance": "500",
    }
    assert page.post(reverse("account_new"), data).status_code == 302
    assert ExchangeAccount.objects.get(name="Second").paper_start_balance == 500
    assert "Empty means 10,000." in page.get(reverse("account_new")).content.decode()
    page.post(reverse("account_new"), {**data, "name": "Third", "paper_start_balance": ""})
    assert ExchangeAccount.objects.get(name="Third").paper_start_balance == 10_000


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": ""}, "name"),
        ({"name": "Main"}, "already have"),
        ({"exchange": "mtgox"}, "Unknown exchange"),
        ({"paper_start_balance": "-1"}, "from 10"),
        ({"mode": "live"}, "XRAY_LIVE_TRADING"),
    ],
)
def test_a_wrong_account_is_refused(world, page, changes, words):
    data = {
        "name": "New",
        "exchange": "binance",
        "mode": "paper",
        "quote_currency": "USDT",
        "paper_start_balance": "500",
    }
    answer = page.post(reverse("account_new"), {**data, **changes})
    assert answer.status_code == 422 and not ExchangeAccount.objects.filter(name="New").exists(), words


@pytest.mark.parametrize(("exchange", "title"), [("kucoin", "KuCoin"), ("mexc", "MEXC")])
def test_testnet_is_refused_where_there_is_none(page, settings, exchange, title):
    settings.XRAY_EXCHANGE_ENDPOINTS = ""
    keys = {"api_key": "k", "api_secret": "s", "passphrase": "p" if exchange == "kucoin" else ""}
    data = {"name": "New", "exchange": exchange, "mode": "testnet", "quote_currency": "USDT", **keys}
    answer = page.post(reverse("account_new"), data)
    assert answer.status_code == 422 and not ExchangeAccount.objects.filter(name="New").exists()
    text = answer.content.decode()
    assert f"{title} has no test network: use paper." in text
    assert "test network. Binance, Bybit and OKX have one." in text, "said beforehand, too"


def test_secrets_are_never_shown_again(world, page):
    data = {
        "name": "",
        "exchange": "binance",
        "mode": "practice",
        "quote_currency": "USDT",
        "api_key": "KEYKEYKEY",
        "api_secret": "TOPSECRET",
    }
    text = page.post(reverse("account_new"), data).content.decode()
    assert "TOPSECRET" not in text and "KEYKEYKEY" not in text


def test_removing_an_account_asks_for_its_name(world, page):
    spare = worlds.account(world.user, "Spare")
    url = reverse("account_action", args=[spare.public_id, "remove"])
    page.post(url, {"confirm": "nope"})
    spare.refresh_from_db()
    assert spare.status == "active"
    page.post(url, {"confirm": "Spare"})
    spare.refresh_from_db()
    assert spare.status == "removed"


def test_the_shown_account_is_chosen_in_the_bar(world, page):
    other = worlds.account(world.user, "Other", "practice")
    page.post(reverse("account_select"), {"account": str(other.public_id)})
    assert "PRACTICE" in page.get("/").content.decode()


def test_alerts_can_be_marked_as_read(world, page):
    page.post(reverse("notices_read"))
    assert page.get(reverse("shell_counts")).json()["unread"] == 0
