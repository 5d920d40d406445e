"""The admin: every list opens, history cannot be edited, secrets never show, staff can pause things."""

import re

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import reverse
from django_celery_beat.models import PeriodicTask
from knox.models import AuthToken

from accounts.clock import now
from accounts.models import AuditEvent, ExchangeAccount, User
from signals.models import ExchangeState, Scan, Strategy
from signals.services.backend import backend_choice_store
from signals.services.strategies import strategies_ensure
from tests.trading.worlds import bot_make
from trading.models import StopSwitch
from xray_site.beat import schedule_install
from xray_site.health import health_report

ROOMS = ("accounts", "signals", "mlmodels", "trading")
HISTORY = ("Signal", "Scan", "Intent", "Order", "Fill", "Position", "Trade", "LedgerEntry", "AuditEvent", "Outcome")
SEALED = "v1.a-sealed-secret-that-nobody-may-see"

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client):
    """A logged-in superuser."""
    user = User.objects.create_superuser("staff@example.com", "a-long-password-1")
    client.force_login(user)
    return user


@pytest.fixture
def account(staff):
    """An account with sealed credentials."""
    return ExchangeAccount.objects.create(
        user=staff, name="Main", exchange="binance", mode="practice", key_hint="WXYZ", sealed_credentials=SEALED
    )


def room_models():
    return [model for room in ROOMS for model in apps.get_app_config(room).get_models()]


def test_every_model_is_in_the_admin_or_shown_inside_its_parent():
    missing = [m.__name__ for m in room_models() if not admin.site.is_registered(m)]
    assert missing == ["BotConfig"]


@pytest.mark.parametrize("model", [m for m in room_models() if m.__name__ != "BotConfig"], ids=lambda m: m.__name__)
def test_lists_open_with_filters_and_search(client, staff, model):
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    assert client.get(url, {"q": "a"} if admin.site.get_model_admin(model).search_fields else {}).status_code == 200


def test_history_is_read_only(client, staff):
    for model in room_models():
        if model.__name__ in HISTORY:
            options = f"{model._meta.app_label}_{model._meta.model_name}"
            assert client.get(reverse(f"admin:{options}_add")).status_code == 403, model


def test_the_index_shows_the_state_of_the_platform(client, staff, account):
    ExchangeState.objects.create(exchange="binance", connection="live", last_error="")
    Scan.objects.create(exchange="binance", timeframe="1m", candle_open_time=now(), status="done", backend="gpu")
    backend_choice_store("gpu", "a GPU is there.")
    page = client.get(reverse("admin:index")).content.decode()
    assert re.search(r">\s*GPU\s*<", page) and "Scans are computed on the GPU: a GPU is there." in page
    for words in ("Scans, last hour", "Bots running", "Queue depth", "Errors, last day", "Pause everything"):
        assert words in page


def test_sealed_credentials_never_show(client, staff, account):
    url = reverse("admin:accounts_exchangeaccount_change", args=[account.pk])
    page = client.get(url).content.decode()
    assert "WXYZ" in page
    assert SEALED not in page


def test_what_an_accounts_books_and_orders_depend_on_is_not_edited_by_hand(client, staff, account):
    url = reverse("admin:accounts_exchangeaccount_change", args=[account.pk])
    assert client.post(url, {"name": "Other", "quote_currency": "EUR", "status": "removed"}).status_code == 302
    account.refresh_from_db()
    assert (account.name, account.quote_currency, account.status) == ("Other", "USDT", "active")


def test_accounts_are_paused_and_resumed_with_the_owners_checks(client, staff, account):
    def done(action):
        answer = client.post(
            reverse("admin:accounts_exchangeaccount_changelist"),
            {"action": action, "_selected_action": [account.pk]},
            follow=True,
        )
        account.refresh_from_db()
        return account.status, answer.content.decode()

    assert done("pause")[0] == "paused"
    assert AuditEvent.objects.filter(action="account.paused", actor=staff).exists()
    ExchangeAccount.objects.update(verification="refused")
    status, page = done("resume")
    assert status == "paused" and "Nothing was resumed" in page
    ExchangeAccount.objects.update(verification="verified")
    assert done("resume")[0] == "active"


def test_a_token_is_looked_at_and_revoked_and_never_written(client, staff):
    token, _ = AuthToken.objects.create(User.objects.create_user("trader@example.com", "a-long-password-1"))
    url = reverse("admin:knox_authtoken_change", args=[token.pk])
    page = client.get(url).content.decode()
    assert "trader@example.com" in page and token.token_key not in page
    assert client.post(url, {"token_key": "x", "digest": "y"}).status_code == 403
    client.post(reverse("admin:knox_authtoken_delete", args=[token.pk]), {"post": "yes"})
    assert not AuthToken.objects.exists()
    assert AuditEvent.objects.filter(action="token.revoked_in_admin", actor=staff).exists()


def test_what_is_done_to_the_beat_table_is_on_the_record_and_health_says_what_is_off(client, staff):
    schedule_install()
    task = PeriodicTask.objects.get(name="execution sweep")
    url = reverse("admin:django_celery_beat_periodictask_changelist")
    assert health_report()["tasks_off"] == []
    client.post(url, {"action": "disable_tasks", "_selected_action": [task.pk]})
    report = health_report()
    assert (report["tasks_off"], report["status"]) == (["execution sweep"], "degraded")
    client.post(reverse("admin:django_celery_beat_periodictask_delete", args=[task.pk]), {"post": "yes"})
    done = AuditEvent.objects.filter(actor=staff, action__startswith="periodic_task").order_by("pk")
    names = ["periodic_task_disable_tasks_in_admin", "periodic_task_deleted_in_admin"]
    assert [event.action for event in done] == names
    assert {event.detail["task"] for event in done} == {"execution sweep"}


def test_everything_can_be_paused_and_let_go_on(client, staff):
    client.post(reverse("admin_platform_stop"), {"level": "1"})
    stop = StopSwitch.objects.get(cleared_at=None)
    assert (stop.scope, stop.level, stop.set_by) == ("platform", 1, staff)
    client.post(reverse("admin_platform_stop"), {"level": "0"})
    assert not StopSwitch.objects.filter(cleared_at=None).exists()


def test_a_user_and_an_exchange_can_be_paused(client, staff, account):
    trader = User.objects.create_user("trader@example.com", "a-long-password-1")
    state = ExchangeState.objects.create(exchange="binance")
    for name, action, row in (
        ("accounts_user", "pause_users", trader),
        ("signals_exchangestate", "pause_exchanges", state),
    ):
        answer = client.post(
            reverse(f"admin:{name}_changelist"), {"action": action, "_selected_action": [row.pk]}, follow=True
        )
        assert answer.status_code == 200
    in_force = set(StopSwitch.objects.filter(cleared_at=None).values_list("scope", "target"))
    assert in_force == {("user", str(trader.public_id)), ("exchange", "binance")}
    client.post(reverse("admin:accounts_user_changelist"), {"action": "resume_users", "_selected_action": [trader.pk]})
    assert StopSwitch.objects.get(cleared_at=None).scope == "exchange"


def test_bots_are_paused_by_a_stop_that_their_owner_cannot_lift(client, staff, account):
    running = bot_make(account)
    stopped = bot_make(account, "Stopped", status="stopped")
    broken = bot_make(account, "Broken", status="paused")
    url = reverse("admin:trading_bot_changelist")
    chosen = [running.pk, stopped.pk, broken.pk]
    client.post(url, {"action": "pause", "_selected_action": chosen})
    in_force = StopSwitch.objects.filter(cleared_at=None)
    assert set(in_force.values_list("scope", "level", "imposed")) == {("bot", 1, True)} and in_force.count() == 3
    told = client.post(url, {"action": "resume", "_selected_action": chosen}, follow=True).content.decode()
    assert not in_force.exists()
    broken.refresh_from_db()
    assert broken.status == "paused" and "not verified" in told


def test_a_stop_on_nobody_is_an_error_of_the_form(client, staff):
    trader = User.objects.create_user("trader@example.com", "a-long-password-1")
    url = reverse("admin:trading_stopswitch_add")
    for scope, target, words in (
        ("user", "nobody@x", "no such user."),
        ("exchange", "kraken", "One of:"),
        ("bot", "x", "no such bot."),
    ):
        answer = client.post(url, {"scope": scope, "target": target, "level": 2, "reason": "look"})
        assert answer.status_code == 200 and words in answer.content.decode()
    assert not StopSwitch.objects.exists()
    assert client.post(url, {"scope": "user", "target": trader.email, "level": 2}).status_code == 302
    assert StopSwitch.objects.get().target == str(trader.public_id)


def test_changed_parameters_make_the_next_version(client, staff):
    strategies_ensure()
    first = Strategy.objects.get(kind="ma_cross")
    url = reverse("admin:signals_strategy_change", args=[first.pk])
    given = {f"parameter_{name}": value for name, value in first.parameters.items()}
    assert client.get(url).content.decode().count('name="parameter_') == len(given)
    for wrong, words in (("0", "fast must be a whole number from"), ("999", "fast must be"), ("", "required")):
        form = client.post(url, {**given, "parameter_fast": wrong}).context["adminform"].form
        assert list(form.errors) == ["parameter_fast"] and words in str(form.errors)
    crossed = client.post(url, {**given, "parameter_fast": given["parameter_slow"]}).context["adminform"].form
    assert "fast must be smaller than slow" in str(crossed.errors["parameter_fast"])
    client.post(url, given)
    assert not Strategy.objects.filter(name=first.name, version=2).exists()
    changed = {**first.parameters, "fast": first.parameters["fast"] + 1}
    client.post(url, {**given, "parameter_fast": changed["fast"]})
    first.refresh_from_db()
    second = Strategy.objects.get(name=first.name, version=2)
    assert (first.enabled, second.enabled, second.parameters) == (False, True, changed)
    assert AuditEvent.objects.filter(action="strategy.changed", actor=staff).exists()


def test_traders_do_not_enter(client):
    client.force_login(User.objects.create_user("trader@example.com", "a-long-password-1"))
    assert client.get(reverse("admin:index")).status_code == 302
    assert client.post(reverse("admin_platform_stop"), {"level": "1"}).status_code == 302
    assert not StopSwitch.objects.exists()
