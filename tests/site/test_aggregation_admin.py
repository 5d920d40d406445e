"""Blacklist, weights, the aggregate's settings and a signal's explanation in the admin."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.models import AuditEvent, User
from signals.domain.aggregation.settings import settings_validate
from signals.models import Blacklist, Instrument, Signal, SourceWeight, Strategy

pytestmark = pytest.mark.django_db
ADD = "admin:signals_blacklist_add"


@pytest.fixture
def staff(client):
    user = User.objects.create_superuser("staff@example.com", "a-long-password-1")
    client.force_login(user)
    return user


def entry(**values) -> dict:
    return {"symbols": "", "kind": "", "user": "", "exchange": "", "reason": "Thin book.", **values}


def test_many_symbols_are_blacklisted_at_once_and_lifted(client, staff):
    client.post(reverse(ADD), entry(symbols="btc/usdt, ETH/USDT\nXRP/USDT", exchange="binance"))
    assert set(Blacklist.objects.values_list("symbol", "created_by")) == {
        (symbol, staff.pk) for symbol in ("BTC/USDT", "ETH/USDT", "XRP/USDT")
    }
    picked = list(Blacklist.objects.values_list("pk", flat=True)[:2])
    client.post(reverse("admin:signals_blacklist_changelist"), {"action": "lift", "_selected_action": picked})
    assert Blacklist.objects.filter(lifted_at=None).count() == 1
    assert AuditEvent.objects.filter(action="blacklist.added").count() == 3
    assert AuditEvent.objects.filter(action="blacklist.lifted").count() == 2


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "without any it would refuse everything"),
        ({"symbols": "BTC/USDT ETH"}, "Write symbols like BTC/USDT, not ETH"),
    ],
)
def test_a_wrong_entry_is_an_error_of_the_form_and_adds_nothing(client, staff, given, words):
    page = client.post(reverse(ADD), entry(**given))
    assert words in page.content.decode() and not Blacklist.objects.exists()


def test_weights_are_set_within_their_bounds(client, staff):
    row = SourceWeight.objects.create(name="A", exchange="binance", timeframe="1m")
    where = reverse("admin:signals_sourceweight_change", args=[row.pk])
    page = client.post(where, {"weight": "2", "low": "0.5", "high": "1.5", "locked": "on"})
    assert list(page.context["adminform"].form.errors) == ["weight"]
    page = client.post(where, {"weight": "1", "low": "1.6", "high": "1.5"})
    assert list(page.context["adminform"].form.errors) == ["high"]
    assert client.post(where, {"weight": "1.2", "low": "0.5", "high": "1.5", "locked": "on"}).status_code == 302
    row.refresh_from_db()
    assert (row.weight, row.locked) == (1.2, True) and AuditEvent.objects.filter(actor=staff).exists()


def test_the_aggregates_settings_are_a_new_version(client, staff):
    first = Strategy.objects.create(name="Aggregate", kind="aggregate", parameters=settings_validate({}))
    where = reverse("admin:signals_strategy_change", args=[first.pk])
    given = {f"parameter_{name}": value for name, value in first.parameters.items()}
    page = client.post(where, {**given, "parameter_short": "500"})
    assert "short must be a whole number from 2 to 200" in page.content.decode()
    client.post(where, {**given, "parameter_cooldown_candles": "9"})
    second = Strategy.objects.get(name="Aggregate", enabled=True)
    assert (second.version, second.parameters["cooldown_candles"]) == (2, 9)


@pytest.fixture
def instrument():
    return Instrument.objects.create(
        exchange="binance", symbol="A/USDT", market_id="AUSDT", base="A", quote="USDT", tick_size=Decimal("0.01"),
        lot_size=Decimal("0.01"),
    )  # fmt: skip


def test_the_page_of_a_signal_explains_it(client, staff, instrument):
    signal = Signal.objects.create(
        instrument=instrument, timeframe="1m", strategy=Strategy.objects.create(name="X", kind="ma_cross"), side="buy",
        candle_open_time=datetime(2026, 3, 1, tzinfo=UTC), confidence=0.5, reason="<b>", close=Decimal(1),
    )  # fmt: skip
    page = client.get(reverse("admin:signals_signal_change", args=[signal.pk])).content.decode()
    assert "before candle hashes were kept" in page and "reason        &lt;b&gt;" in page


def test_the_page_of_an_aggregate_shows_its_votes(client, staff, instrument):
    vote = {"name": "MovingAverage v1", "side": "buy", "confidence": 0.4567, "weight": 1.5, "age": 1}
    signal = Signal.objects.create(
        instrument=instrument, timeframe="1m", strategy=Strategy.objects.create(name="X", kind="aggregate"), side="buy",
        candle_open_time=datetime(2026, 3, 1, tzinfo=UTC), confidence=0.5, threshold=0.3, votes=[vote],
        close=Decimal(1),
    )  # fmt: skip
    page = client.get(reverse("admin:signals_signal_change", args=[signal.pk])).content.decode()
    for words in ("MovingAverage v1", ">0.46<", ">1.50<", "1 candle ago", "1 Mar 2026 00:00:00 UTC"):
        assert words in page
