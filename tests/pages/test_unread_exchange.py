"""Where nobody reads an exchange's prices, its bots say so instead of waiting in silence."""

from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.clock import now
from signals.models import ExchangeState
from tests.pages import worlds

WORDS = "No prices are read for KuCoin here"


@pytest.fixture
def unread(world):
    account = worlds.account(world.user, "Elsewhere")
    account.exchange = "kucoin"
    account.save(update_fields=["exchange"])
    return worlds.bot(world.user, account, "Waits", status="stopped")


def test_its_page_its_card_and_its_accounts_card_say_so(unread, page):
    for url in (reverse("bot_detail", args=[unread.public_id]), reverse("bot_list"), reverse("account_list")):
        text = page.get(url).content.decode()
        assert text.count(WORDS) == 1, url
        assert "add kucoin to XRAY_MARKET_EXCHANGES" in text


@pytest.mark.parametrize(("status", "action"), [("stopped", "start"), ("paused", "resume")])
def test_starting_it_warns(unread, page, status, action):
    unread.status = status
    unread.save(update_fields=["status"])
    url = reverse("bot_action", args=[unread.public_id, action])
    told = [str(message) for message in page.post(url, follow=True).context["messages"]]
    unread.refresh_from_db()
    assert unread.status == "running" and [WORDS in line for line in told] == [False, True]


def test_the_form_warns_and_so_does_saving_and_starting(world, unread, page):
    data = {"name": "Another", "account": str(unread.account.public_id), "field": "account"}
    data |= {"strategy": "all", "timeframe": "1m", "confidence_threshold": "0.5", "capital_per_trade": "150"}
    data |= {"max_positions": "2", "stop_loss": "0.9", "profit_target": "1.2", "holding_time_s": "900"}
    data |= {"entry_type": "maker", "maker_timeout_s": "20", "on_maker_timeout": "taker", "max_drawdown": "20"}
    data |= {"max_spread": "1"}
    assert WORDS in page.post(reverse("bot_check"), data).content.decode()
    told = page.post(reverse("bot_new"), data | {"then": "start"}, follow=True).context["messages"]
    assert [WORDS in str(line) for line in told] == [False, False, True]


def test_what_is_scanned_or_streamed_by_hand_says_nothing(world, unread, page, settings):
    until = now() + timedelta(seconds=10)
    ExchangeState.objects.create(exchange="kucoin", streams_owner="a shell", streams_lease_until=until)
    assert WORDS not in page.get(reverse("bot_list")).content.decode()
    ExchangeState.objects.filter(exchange="kucoin").update(streams_lease_until=now() - timedelta(seconds=1))
    assert WORDS in page.get(reverse("bot_list")).content.decode()
    settings.XRAY_MARKET_EXCHANGES = ["binance", "kucoin"]
    assert WORDS not in page.get(reverse("bot_list")).content.decode()
