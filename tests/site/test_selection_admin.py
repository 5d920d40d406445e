"""The selection in the admin: steps are edited, ordered and checked by their filter; the preview changes nothing."""

from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.clock import now, now_ms
from accounts.models import AuditEvent, User
from signals.domain.selection import REGISTRY
from signals.models import Instrument, SelectionStep, SymbolTrouble
from signals.services.markets import markets_load
from signals.services.selection import instruments_select, selection_ensure
from tests.signals.services.venue import Venue

pytestmark = pytest.mark.django_db
LIST = "admin:signals_selectionstep_changelist"


@pytest.fixture
def staff(client):
    user = User.objects.create_superuser("staff@example.com", "a-long-password-1")
    client.force_login(user)
    return user


@pytest.fixture
def venue(monkeypatch, settings, tmp_path) -> Venue:
    from accounts.exchanges import factory

    settings.VAR_DIR = tmp_path
    made = Venue(now_ms)
    monkeypatch.setattr(factory, "public_client", lambda _name, **_options: made)
    markets_load(exchange="binance")
    return made


@pytest.fixture
def refreshed(monkeypatch) -> list[str]:
    """Exchanges whose selection was asked for in the background."""
    from signals import tasks

    asked: list[str] = []
    monkeypatch.setattr(tasks.markets_refresh, "delay", asked.append)
    return asked


def change(row: SelectionStep) -> str:
    return reverse("admin:signals_selectionstep_change", args=[row.pk])


def filled(client, row: SelectionStep) -> dict:
    """What the change form would send when nothing is touched."""
    form = client.get(change(row)).context["adminform"].form
    shown = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    return {name: value for name, value in shown.items() if value is not None and value is not False}


@pytest.mark.parametrize("kind", REGISTRY)
def test_every_filter_is_added_shown_and_saved_unchanged(client, staff, kind):
    answer = client.post(reverse("admin:signals_selectionstep_add"), {"kind": kind, "position": 3, "enabled": "on"})
    row = SelectionStep.objects.get()
    assert answer.status_code == 302 and answer.url.rstrip("/").endswith(change(row).rstrip("/"))
    before = row.parameters
    assert before == REGISTRY[kind].validate({})
    page = client.get(change(row)).content.decode()
    assert all(parameter.name.replace("_", " ").capitalize() in page for parameter in REGISTRY[kind].parameters)
    assert client.post(change(row), filled(client, row)).status_code == 302
    row.refresh_from_db()
    assert row.parameters == before and AuditEvent.objects.filter(action="selectionstep_changed_in_admin").exists()


@pytest.mark.parametrize(
    ("kind", "told", "field", "words"),
    [
        ("volume", {"top": "-1"}, "top", "top must be a whole number from 0 to 5,000, not -1."),
        ("volume", {"top": "1.5"}, "top", "whole number"),
        ("volume", {"minimum": "9", "maximum": "3"}, "minimum", "minimum must not be above maximum"),
        ("spread", {"maximum": "nan"}, "maximum", "Enter a number."),
        ("quote_currency", {"currencies": " , "}, "currencies", "needs at least one name"),
        ("market_status", {"announced": "LUNA tomorrow"}, "announced", "is not a symbol and a day"),
        ("correlation", {"candles": "20"}, "overlap", "overlap must be smaller than candles"),
        ("shuffle", {"seed": ""}, "seed", "This field is required."),
    ],
)
def test_a_wrong_parameter_is_an_error_of_its_field(client, staff, kind, told, field, words):
    row = SelectionStep.objects.create(kind=kind, position=1, parameters=REGISTRY[kind].validate({}))
    posted = filled(client, row) | {f"parameter_{name}": value for name, value in told.items()}
    answer = client.post(change(row), posted)
    assert answer.status_code == 200
    assert words in str(answer.context["adminform"].form.errors[f"parameter_{field}"])
    row.refresh_from_db()
    assert row.parameters == REGISTRY[kind].validate({})


def test_names_are_given_in_lines_or_commas(client, staff):
    row = SelectionStep.objects.create(kind="blacklist", position=1, parameters={"symbols": []})
    client.post(change(row), filled(client, row) | {"parameter_symbols": "doge/*, luna/usdt\r\nLUNA/USDT\n"})
    row.refresh_from_db()
    assert row.parameters == {"symbols": ["DOGE/*", "LUNA/USDT"]}


def test_a_step_of_a_filter_that_is_gone_can_be_seen_and_deleted(client, staff):
    row = SelectionStep.objects.create(kind="removed", position=1)
    assert "no such filter" in client.get(reverse(LIST)).content.decode()
    assert client.get(change(row)).status_code == 200
    client.post(reverse("admin:signals_selectionstep_delete", args=[row.pk]), {"post": "yes"})
    assert not SelectionStep.objects.exists()


def test_steps_are_ordered_and_switched_in_the_list(client, staff):
    selection_ensure()
    page = client.get(reverse(LIST)).content.decode()
    assert 'data-ordering-field="position"' in page and "Preview" in page
    rows = list(SelectionStep.objects.all())
    posted = {"form-TOTAL_FORMS": 4, "form-INITIAL_FORMS": 4, "_save": "Save"}
    for place, row in enumerate(rows):
        posted |= {f"form-{place}-id": row.pk, f"form-{place}-position": 9 - place}
        posted |= {f"form-{place}-enabled": "on"} if row.kind != "spread" else {}
    client.post(reverse(LIST), posted)
    assert [row.kind for row in SelectionStep.objects.all()] == [row.kind for row in reversed(rows)]
    assert list(SelectionStep.objects.filter(enabled=False).values_list("kind", flat=True)) == ["spread"]


def test_the_preview_tells_each_step_and_changes_nothing(client, staff, venue):
    instruments_select(exchange="binance")
    SelectionStep.objects.filter(kind="volume").update(parameters={"top": 2})
    before = list(Instrument.objects.order_by("pk").values())
    answer = client.get(reverse("admin:signals_selectionstep_preview"))
    page = answer.content.decode()
    for words in ("2 of 4 instruments", "Rank 3 by 24 h volume; the first 2 are kept.", "Would leave: 2", "NEW/USDT"):
        assert words in page
    rows = {step["title"]: (step["came"], step["fell"], step["stayed"]) for step in answer.context["steps"]}
    assert rows["Volume"] == (4, 2, 2) and rows["In trouble"] == (4, 0, 4)
    assert list(Instrument.objects.order_by("pk").values()) == before


def test_the_preview_of_an_exchange_that_is_down_says_so(client, staff, venue):
    venue.down = True
    page = client.get(reverse("admin:signals_selectionstep_preview"), {"exchange": "nowhere"}).content.decode()
    assert "stored last are used" in page and "0 of 4 instruments" in page


def test_the_button_selects_anew_and_a_link_does_not(client, staff, refreshed):
    url = reverse("admin:signals_selectionstep_apply")
    assert client.get(url).status_code == 403 and refreshed == []
    client.post(url, {"exchange": "binance"})
    client.post(url, {"exchange": "nowhere"})
    assert refreshed == ["binance"] and AuditEvent.objects.filter(action="selection.applied", actor=staff).exists()


def test_staff_who_may_only_look_cannot_apply(client, refreshed):
    from django.contrib.auth.models import Permission

    user = User.objects.create_user("looker@example.com", "a-long-password-1", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_selectionstep"))
    client.force_login(user)
    assert client.post(reverse("admin:signals_selectionstep_apply"), {"exchange": "binance"}).status_code == 403
    assert "Select anew now" not in client.get(reverse("admin:signals_selectionstep_preview")).content.decode()
    client.force_login(User.objects.create_user("trader@example.com", "a-long-password-1"))
    assert client.get(reverse("admin:signals_selectionstep_preview")).status_code == 302
    assert refreshed == []


def test_a_symbol_in_trouble_is_tried_again_by_hand(client, staff, refreshed):
    row = SymbolTrouble.objects.create(
        exchange="binance",
        symbol="SICK/USDT",
        kind="candles",
        reason="No.",
        count=4,
        retry_at=now() + timedelta(hours=5),
    )
    url = reverse("admin:signals_symboltrouble_changelist")
    told = client.post(url, {"action": "retry", "_selected_action": [row.pk]}, follow=True).content.decode()
    row.refresh_from_db()
    assert row.retry_at <= now() and row.count == 4 and refreshed == ["binance"]
    assert "tried again" in told and AuditEvent.objects.filter(action="trouble.retried").exists()
