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


FILTERS = {
    "order_list": {"status": "There is no state “{}”: nothing is filtered by it. Choose from: Pending, "},
    "signal_list": {
        "strategy": "no strategy “{}”",
        "side": "no side “{}”: nothing is filtered by it. Choose from: buy, ",
    },
    "trade_list": {"bot": "no bot of yours “{}”", "reason": "no reason “{}”", "result": "Choose from: Wins, Losses."},
    "notice_list": {"level": "no kind of alert “{}”"},
    "xray": {"regime": "no regime “{}”", "timeframe": "no candle length “{}”"},
}


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_that_a_list_does_not_know_is_said_and_filters_nothing(world, page, name):
    plain = shown(page.get(reverse(name)))
    assert "nothing is filtered by it" not in plain
    for field, words in FILTERS[name].items():
        for typed in ("nonsense", "²", "<script>alert(1)</script>", "9" * 500):
            for headers in ({}, {"HX-Request": "true"}):
                answer = page.get(reverse(name), {field: typed}, headers=headers)
                told = shown(answer)
                assert answer.status_code == 200 and told.count("nothing is filtered by it") == 1, (field, typed)
                assert len(typed) > 40 or words.format(typed) in told, (field, typed)
                assert "<script>alert(1)" not in answer.content.decode()
        assert "atches" not in told and "Loosen the filters" not in told


@pytest.mark.parametrize("name", ["signal_list", "trade_list"])
def test_a_symbol_that_no_database_could_keep_is_said(world, page, name):
    assert "The symbol holds characters" in shown(page.get(reverse(name), {"symbol": "\x00"}))


def test_a_file_of_trades_is_not_made_of_a_filter_that_nobody_knows(world, page):
    answer = page.get(reverse("trade_csv"), {"bot": "nonsense"}, follow=True)
    assert "There is no bot of yours “nonsense”" in shown(answer)
    assert page.get(reverse("trade_csv"), {"bot": str(world.bot.pk)})["Content-Type"] == "text/csv"


def test_rules_that_refused_nothing_are_said(world, page):
    answer = page.get(reverse("bot_risk", args=[world.bot.public_id]), {"rule": "nonsense"})
    assert "There is no rule that refused anything here called “nonsense”" in shown(answer)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("eth/usdt", "ETH/USDT"),
        ("sol-usdt", "SOL/USDT"),
        ("pep", "PEPE/USDT"),
        ("nope", None),
        ("<b>", None),
        ("\x00", None),
    ],
)
def test_a_symbol_that_is_looked_for_is_shown_or_said_to_be_missing(world, page, typed, found):
    answer = page.get(reverse("chart_default"), {"symbol": typed, "from": "RUNE/USDT"}, follow=True)
    assert answer.redirect_chain[-1][0] == reverse("chart", args=[found or "RUNE/USDT"])
    assert (f"No symbol that Binance trades begins with “{typed}”" in shown(answer)) == (found is None)
    assert "<b>”" not in answer.content.decode()
    answer = page.get(reverse("chart_default"), {"symbol": "nope", "from": "\x00"}, follow=True)
    assert answer.redirect_chain[-1][0] == reverse("chart", args=["SOL/USDT"]) and "begins with “nope”" in shown(answer)
