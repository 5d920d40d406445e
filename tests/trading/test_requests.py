"""What traders ask for by hand, and the stop ladder."""

from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.models import AuditEvent, Notice
from signals import quotes
from tests.trading.conftest import AT
from trading.models import Intent
from trading.selectors.stops import stop_level_for, stop_levels_for, stop_words, stops_for_user, stops_on_bot
from trading.services.intents import entry_request
from trading.services.stops import stop_clear, stop_set, stops_clear

pytestmark = pytest.mark.django_db


def test_a_manual_entry_waits_in_the_queue(make, at_noon, woken, django_capture_on_commit_callbacks):
    bot, btc = make.bot(), make.instrument()
    with django_capture_on_commit_callbacks(execute=True):
        intent = entry_request(bot=bot, symbol="btc/usdt", amount_quote="50", limit_price="99.50", actor=bot.user)
    assert (intent.instrument, intent.amount_quote, intent.limit_price) == (btc, Decimal(50), Decimal("99.50"))
    assert intent.purpose == "manual_entry" and intent.expires_at > at_noon and woken == [bot.account_id]
    assert AuditEvent.objects.get().action == "entry.requested"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"symbol": "NOPE/USDT"}, "symbol"),
        ({"symbol": "OLD/USDT"}, "symbol"),
        ({"symbol": "HELD/USDT"}, "symbol"),
        ({"amount_quote": "9.99"}, "amount_quote"),
        ({"amount_quote": "-1"}, "amount_quote"),
        ({"amount_quote": "1e12"}, "amount_quote"),
        ({"amount_quote": None}, "amount_quote"),
        ({"limit_price": "0"}, "limit_price"),
        ({"limit_price": "-5"}, "limit_price"),
        ({"limit_price": "99.505"}, "limit_price"),
        ({"limit_price": "106"}, "limit_price"),
    ],
)
def test_nonsense_orders_are_refused(make, changes, field):
    bot = make.bot()
    make.instrument()
    make.instrument("OLD/USDT", active=False)
    make.position(bot, make.instrument("HELD/USDT"))
    row = quotes.QuoteRow("BTC/USDT", Decimal(100), Decimal("100.1"), Decimal(1), Decimal(1), AT)
    quotes._latest.setdefault("binance", {})["BTC/USDT"] = row
    with pytest.raises(ValidationError) as refused:
        entry_request(**{"bot": bot, "symbol": "BTC/USDT", "amount_quote": "50", "actor": bot.user, **changes})
    assert list(refused.value.message_dict) == [field]
    assert not Intent.objects.exists()
    quotes._latest.clear()


def test_only_a_running_bot_of_ones_own_may_enter(make):
    bot = make.bot(status="stopped")
    make.instrument()
    with pytest.raises(ValidationError, match="start it"):
        entry_request(bot=bot, symbol="BTC/USDT", amount_quote=50, actor=bot.user)
    with pytest.raises(PermissionDenied):
        entry_request(bot=bot, symbol="BTC/USDT", amount_quote=50, actor=make.user())


def test_the_strictest_rung_counts_with_one_query_for_all(make, django_assert_num_queries):
    account = make.account()
    bots = [make.bot(account) for _ in range(3)]
    staff = make.user(is_staff=True)
    stop_set(scope="bot", target=str(bots[0].public_id), level=3, actor=account.user)
    stop_set(scope="account", target=str(account.public_id), level=1, actor=account.user)
    wide = stop_set(scope="exchange", target="binance", level=2, actor=staff)
    stop_set(scope="user", target=str(make.user().public_id), level=3, actor=staff)
    with django_assert_num_queries(1):
        assert list(stop_levels_for(bots).values()) == [3, 2, 2]
    assert len(stops_for_user(account.user)) == 3
    assert stop_clear(switch=wide, actor=staff)
    assert not stop_clear(switch=wide, actor=staff)
    assert stop_level_for(bots[1]) == 1


def test_setting_again_replaces_and_wakes_the_accounts_concerned(make, woken, django_capture_on_commit_callbacks):
    bot, other = make.bot(), make.bot()
    staff = make.user(is_staff=True)
    target = str(bot.user.public_id)
    with django_capture_on_commit_callbacks(execute=True):
        stop_set(scope="user", target=target, level=1, actor=staff, reason="look")
    assert woken == [bot.account_id] and other.account_id not in woken
    stop_set(scope="user", target=target, level=3, actor=bot.user)
    assert stop_level_for(bot) == 3
    assert Notice.objects.get(user=bot.user).text == "No new entries, set by staff on all your bots: look."
    assert [event.detail["level"] for event in AuditEvent.objects.order_by("id")] == [1, 3]


def test_a_trader_neither_lifts_nor_lowers_what_staff_put_on_them(make):
    bot, staff = make.bot(), make.user(is_staff=True)
    target = str(bot.user.public_id)
    imposed = stop_set(scope="user", target=target, level=2, actor=staff, reason="Odd orders")
    stop_set(scope="user", target=target, level=1, actor=bot.user)
    assert stop_level_for(bot) == 2
    assert stops_clear(scope="user", target=target, actor=bot.user, imposed=False) == 1
    with pytest.raises(PermissionDenied, match="only they can lift"):
        stop_clear(switch=imposed, actor=bot.user)
    assert [stop_words(stop) for stop in stops_on_bot(bot)] == [
        "Reduce only, set by staff on all your bots: Odd orders."
    ]
    make.instrument()
    with pytest.raises(ValidationError, match="Only staff can lift it"):
        entry_request(bot=bot, symbol="BTC/USDT", amount_quote=50, actor=bot.user)
    assert stops_clear(scope="user", target=target, actor=staff, imposed=True) == 1
    assert stop_level_for(bot) == 0


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": "world"}, ValidationError),
        ({"level": 4}, ValidationError),
        ({"level": 0}, ValidationError),
        ({"scope": "bot", "target": "nonsense"}, ValidationError),
        ({"scope": "platform"}, PermissionDenied),
        ({"scope": "exchange", "target": "binance"}, PermissionDenied),
    ],
)
def test_stops_beyond_ones_own_are_refused(make, changes, error):
    user = make.user()
    with pytest.raises(error):
        stop_set(**{"scope": "user", "target": str(user.public_id), "level": 1, "actor": user, **changes})


def test_the_bot_of_another_trader_cannot_be_stopped(make):
    bot = make.bot()
    with pytest.raises(ValidationError, match="of yours"):
        stop_set(scope="bot", target=str(bot.public_id), level=3, actor=make.user())
