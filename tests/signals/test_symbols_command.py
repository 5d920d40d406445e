"""`manage.py symbols`: prints what would be chosen, step by step, and changes nothing unless it is told to."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from accounts.clock import now_ms
from signals.models import Instrument, SelectionStep
from signals.services.markets import markets_load
from tests.signals.services.venue import Venue

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def venue(monkeypatch) -> Venue:
    from accounts.exchanges import factory

    made = Venue(now_ms)
    made.markets["ETH/USDT"]["active"] = False
    monkeypatch.setattr(factory, "public_client", lambda _name, **_options: made)
    markets_load(exchange="binance")
    return made


def told(*args) -> str:
    out = io.StringIO()
    call_command("symbols", *args, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_it_prints_and_changes_nothing(venue):
    before = list(Instrument.objects.order_by("pk").values())
    text = told()
    assert "3 of 4 symbols of binance:" in text and "Rank 1 of 3" in text
    assert list(Instrument.objects.order_by("pk").values()) == before and not SelectionStep.objects.exists()


def test_apply_stores_the_choice(venue):
    told("--apply")
    assert set(Instrument.objects.filter(selected=True).values_list("symbol", flat=True)) == {
        "BTC/USDT", "NEW/USDT", "SICK/USDT",
    }  # fmt: skip


def test_json_is_one_object_a_line_and_nothing_else(venue):
    rows = [json.loads(line) for line in told("--json", "--exchange", "binance").splitlines()]
    steps, symbols = [row for row in rows if "step" in row], [row for row in rows if "symbol" in row]
    assert len(rows) == len(steps) + len(symbols) and steps[0]["step"] == "trouble"
    assert [row["rank"] for row in symbols] == [1, 2, 3, None]
    assert symbols[-1] == {
        "symbol": "ETH/USDT", "selected": False, "rank": None, "reason": "Not traded by the exchange now.",
    }  # fmt: skip


def test_one_symbol_is_explained_through_every_step(venue):
    text = told("--explain", "eth/usdt")
    assert "Market status" in text and "falls" in text and "Quote currency" not in text
    last = json.loads(told("--explain", "BTC/USDT", "--json").splitlines()[-1])
    assert last["outcome"] == "scanned" and last["reason"].startswith("Rank 1 of 3")


def test_bad_input_is_refused_in_words(venue):
    for args, words in (
        (("--exchange", "nowhere"), "Unknown exchange 'nowhere'. Allowed: binance"),
        (("--exchange", "okx"), "No instrument of okx is known yet"),
        (("--explain", "FOO/USDT"), "lists no FOO/USDT"),
        (("--apply", "--stored"), "leave --stored out"),
    ):
        with pytest.raises(CommandError, match=words):
            told(*args)
    venue.down = True
    with pytest.raises(CommandError, match="Nothing was changed"):
        told("--apply")
    assert not Instrument.objects.filter(selected=True).exists()


def test_stored_only_asks_nobody(venue):
    told()
    venue.down, asked = True, venue.ticker_loads
    assert "3 of 4 symbols" in told("--stored") and venue.ticker_loads == asked
