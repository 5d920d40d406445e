"""The selection on the practice exchange: the default chain, and with every filter on."""

import json

import pytest

from accounts.exchanges import factory, loop
from signals.domain.selection import REGISTRY
from signals.models import Instrument, SelectionStep
from signals.services.markets import markets_load
from signals.services.selection import instruments_select, selection_preview, selection_step_save

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def exchange(exchange_process, settings, tmp_path):
    settings.XRAY_EXCHANGE_ENDPOINTS = json.dumps({"binance": {"rest": exchange_process.url}})
    settings.VAR_DIR = tmp_path
    loop.run(factory.clients_close(), timeout_s=10)  # a client of another test asks another address
    yield exchange_process
    loop.run(factory.clients_close(), timeout_s=10)


def test_the_default_chain_and_all_filters(exchange):
    listed = markets_load(exchange="binance")
    assert len(instruments_select(exchange="binance")) == listed > 20
    wide = {"volatility": {"maximum": 0.0}, "range_stability": {"minimum": 0.0}, "performance": {"minimum": -1.0}}
    missing = [kind for kind in REGISTRY if not SelectionStep.objects.filter(kind=kind).exists()]
    for place, kind in enumerate(missing, 10):
        selection_step_save(step=SelectionStep(kind=kind, position=place, parameters=wide.get(kind, {})))
    chosen = instruments_select(exchange="binance")
    shown = selection_preview(exchange="binance", fetch=False)
    assert chosen and shown.problems == () and len(shown.result.steps) == len(REGISTRY) + 1
    assert sorted(shown.result.chosen) == sorted(chosen)
    assert not Instrument.objects.filter(selection_reason="").exists()
