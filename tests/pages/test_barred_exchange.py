"""While an exchange has barred us, whoever looks is told: nothing is broken, and nothing is sent."""

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.clock import now
from accounts.exchanges import budget
from accounts.models import User
from signals.models import ExchangeState

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh():
    budget.budgets_forget()
    yield
    budget.budgets_forget()


@pytest.fixture
def state(world):
    return ExchangeState.objects.update_or_create(
        exchange="binance", defaults={"connection": "live", "last_event_at": now()}
    )[0]


def health() -> tuple[str, bool]:
    found = APIClient().get("/api/health").json()
    (row,) = [row for row in found["exchanges"] if row["exchange"] == "binance"]
    return found["status"], bool(row["barred_until"])


def test_the_bar_the_accounts_card_the_admin_and_health_say_so(world, state, page, client):
    world.account.mode = "practice"
    world.account.save(update_fields=["mode"])
    url = reverse("account_list")
    assert "Nothing is sent" not in page.get(url).content.decode() and health() == ("ok", False)
    budget.ban_set("binance", 60)
    text = page.get(url).content.decode()
    assert "Nothing is sent until" in text
    assert "Binance asked us to wait: nothing is sent to it for another" in text
    assert health() == ("degraded", True)
    client.force_login(User.objects.create_superuser("staff@example.org", "x"))
    assert "It asked us to wait: nothing is sent until" in client.get(reverse("admin:index")).content.decode()


def test_a_ban_of_one_key_is_told_of_its_account_alone(world, state, page):
    world.account.mode = "practice"
    world.account.save(update_fields=["mode"])
    budget.ban_set("binance", 60, account_id=world.account.pk)
    text = page.get(reverse("account_list")).content.decode()
    assert "Binance asked us to wait" in text and "Nothing is sent until" not in text
    assert health() == ("ok", False)
    budget.budgets_forget()
    budget.ban_set("binance", 60, account_id=world.account.pk + 1)
    assert "asked us to wait" not in page.get(reverse("account_list")).content.decode()
