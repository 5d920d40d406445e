"""What scripts see of the selection: the reason of every instrument, trouble included."""

import pytest

from signals.services.troubles import trouble_record

pytestmark = pytest.mark.django_db


def test_an_instrument_says_why_it_is_not_scanned(anna, instrument) -> None:
    instrument.selected = True
    instrument.save()
    for _ in range(3):
        trouble_record(exchange="binance", symbol=instrument.symbol, kind="candles", reason="Timed out.")
    told = anna.client.get(f"/api/instruments/{instrument.public_id}").json()
    assert told["selected"] is False and (told["state"], told["listed_at"], told["delist_at"]) == ("", None, None)
    assert told["selection_reason"].startswith("In trouble") and told["selection_reason"].endswith(": Timed out.")
