"""Whatever is typed into a form is refused in words: never an error of ours, nothing silently taken."""

import html

import pytest
from django.urls import reverse

from accounts.models import ExchangeAccount
from tests.pages.test_forms import bot_data
from trading.models import Bot, Intent

pytestmark = pytest.mark.embedded

ODD = (
    "\x00", "²", "NaN", "-Infinity", "1e400", "1e999999999", "-5", "0x10", "1_000", "9" * 500, "١٢", "--1",
    "1.2.3", "{}", "[]", "null", "<script>alert(1)</script>", "'; DROP TABLE", "\u202e5", "%00", "+", ".", "∞",
)  # fmt: skip
NUMBERS = ("capital_per_trade", "stop_loss", "profit_target", "max_positions", "confidence_threshold", "holding_time_s")
GOOD_WORDS = ("1_000", "١٢", "²")  # Python's int reads them in places where they mean what they say


def shown(answer) -> str:
    return html.unescape(answer.content.decode())


@pytest.mark.parametrize("field", (*NUMBERS, "symbols", "timeframe", "strategy", "account", "entry_type", "max_spread"))
def test_bots(world, page, field):
    for typed in ODD:
        answer = page.post(reverse("bot_new"), bot_data(world, **{field: typed}))
        if answer.status_code == 302 and typed in GOOD_WORDS:
            Bot.objects.filter(name="Careful").update(name=f"with {typed}")
            continue
        assert answer.status_code == 422, (field, typed)
        assert " to fix" in shown(answer), (field, typed)
        assert "<script>alert(1)" not in answer.content.decode()
    assert not Bot.objects.filter(name="Careful").exists()


@pytest.mark.parametrize("field", ["bot", "amount_quote", "limit_price"])
def test_entries(world, page, field):
    for typed in [one for one in ODD if one not in GOOD_WORDS or field == "bot"]:
        data = {"bot": str(world.bot.pk), "amount_quote": "50", "limit_price": "", field: typed}
        answer = page.post(reverse("chart_entry", args=["BTC/USDT"]), data)
        assert answer.status_code == 422 or (field, answer.status_code) == ("bot", 404), (field, typed)
        assert "<script>alert(1)" not in answer.content.decode()
    assert not Intent.objects.filter(purpose="manual_entry").exists()


@pytest.mark.parametrize("symbol", ["NOPE/USDT", "BTC", "%00", "../../etc", "BTC/USDT/", "a" * 300, "<script>"])
def test_symbols_in_addresses(world, page, symbol):
    for name in ("chart", "chart_data", "chart_side", "xray_symbol"):
        assert page.get(reverse(name, args=[symbol])).status_code == 404, name
    assert page.post(reverse("chart_entry", args=[symbol]), {"amount_quote": "50"}).status_code == 404


@pytest.mark.parametrize("field", ["api_key", "api_secret", "passphrase", "name", "exchange", "mode", "quote_currency"])
def test_accounts(world, page, settings, field):
    settings.XRAY_EXCHANGE_ENDPOINTS = '{"binance": {"rest": "http://127.0.0.1:1"}}'
    good = {"name": "New", "exchange": "binance", "mode": "practice", "quote_currency": "USDT",
            "api_key": "k" * 20, "api_secret": "s" * 20}  # fmt: skip
    for typed in ("\x00", "", "x" * 5000, "\u202e", "a\nb"):
        if (field, typed) in (("passphrase", ""), ("name", "\u202e"), ("name", "a\nb")):
            continue  # as it should be; a name may be anything that can be stored
        answer = page.post(reverse("account_new"), {**good, field: typed})
        assert answer.status_code == 422, (field, typed)
        if field in ("api_key", "api_secret", "passphrase") and len(typed) > 10:
            assert typed not in shown(answer), "what was typed as a secret came back"
    assert ExchangeAccount.objects.count() == 1


@pytest.mark.parametrize("field", ["share", "amount"])
def test_parts_of_a_position(world, page, field):
    for typed in ODD:
        answer = page.post(reverse("position_reduce", args=[world.open.public_id]), {field: typed}, follow=True)
        assert answer.status_code == 200 and "the order is on its way" not in shown(answer), (field, typed)
    assert not Intent.objects.exclude(status="done").filter(purpose__contains="exit").exists()


def test_limits(world, page):
    url = reverse("account_limits", args=[world.account.public_id])
    names = [field["spec"].name for field in page.get(url).context["fields"]]
    for name in names:
        for typed in ODD:
            answer = page.post(url, {name: typed})
            assert answer.status_code == 422 or typed in GOOD_WORDS, (name, typed)
