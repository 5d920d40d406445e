"""The demo's users, accounts and bots are made once, and what their owners change stays."""

import json

import pytest

from accounts.models import ExchangeAccount, User
from trading.models import Bot
from trading.services.bots import bot_delete, bot_stop
from xray_site.demo_setup import PAPER, PAPER_BOTS, PRACTICE, STAFF, demo_setup

pytestmark = pytest.mark.django_db
PASSWORD = "three-green-apples-7"


@pytest.fixture
def demo(settings):
    settings.XRAY_EXCHANGE_ENDPOINTS = ""
    settings.XRAY_DEMO_STAFF_PASSWORD = settings.XRAY_DEMO_PAPER_PASSWORD = PASSWORD
    settings.XRAY_DEMO_PRACTICE_PASSWORD = PASSWORD
    return settings


def made() -> list[str]:
    said: list[str] = []
    demo_setup(said.append)
    return said


def test_a_real_exchange_gets_staff_and_a_paper_trader_with_running_bots(demo):
    made()
    assert set(User.objects.values_list("email", flat=True)) == {STAFF, PAPER}
    assert User.objects.get(email=STAFF).is_superuser and not User.objects.get(email=PAPER).is_staff
    assert set(ExchangeAccount.objects.values_list("mode", flat=True)) == {"paper"}
    assert dict(Bot.objects.values_list("name", "status")) == {bot.name: "running" for bot in PAPER_BOTS}


def test_a_second_start_changes_nothing(demo):
    made()
    first = list(Bot.objects.values("pk", "name", "config_id", "started_at"))
    assert made() == []
    assert list(Bot.objects.values("pk", "name", "config_id", "started_at")) == first
    assert User.objects.count() == 2


def test_stopped_and_deleted_bots_stay_so(demo):
    made()
    stopped, deleted, _ = Bot.objects.order_by("pk")
    bot_stop(bot=stopped, actor=stopped.user)
    bot_delete(bot=deleted, actor=deleted.user)
    made()
    stopped.refresh_from_db()
    assert stopped.status == "stopped"
    assert Bot.objects.filter(name=deleted.name, deleted_at=None).count() == 0


def test_the_printed_password_logs_in_after_a_new_env_file(demo):
    made()
    demo.XRAY_DEMO_PAPER_PASSWORD = "another-password-42"
    made()
    assert User.objects.get(email=PAPER).check_password("another-password-42")


def test_without_a_password_a_user_is_not_made(demo):
    demo.XRAY_DEMO_STAFF_PASSWORD = ""
    made()
    assert not User.objects.filter(email=STAFF).exists()


def test_a_server_that_gives_no_keys_is_said_and_the_rest_is_made(demo):
    demo.XRAY_EXCHANGE_ENDPOINTS = json.dumps({"binance": {"rest": "http://127.0.0.1:9"}})
    demo.PRACTICE_ADMIN_TOKEN = "token"
    assert [text for text in made() if "gives no demo keys" in text]
    assert not ExchangeAccount.objects.filter(user__email=PRACTICE).exists()
    assert Bot.objects.filter(user__email=PAPER).count() == len(PAPER_BOTS)
