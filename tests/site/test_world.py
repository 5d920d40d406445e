"""Which market a start asks for, and the refusals."""

import json

import pytest

from xray_site.demo.world import BadOption, world_from

ENDPOINTS = json.dumps({"binance": {"rest": "http://127.0.0.1:1", "ws": "ws://127.0.0.1:1"}})


def test_nothing_asked_is_the_synthetic_market():
    world = world_from({})
    assert (world.practice, world.seed, world.speed, world.name) == (True, 7, 60.0, "seed-7")


def test_every_market_keeps_its_state_apart(tmp_path):
    (tmp_path / "BTC_USDT.parquet").touch()
    asked = [
        {},
        {"SEED": "8"},
        {"SPEED": "120"},
        {"DATA": str(tmp_path)},
        {"DATA": str(tmp_path), "SPEED": "30"},
        {"EXCHANGE": "binance"},
        {"EXCHANGE": "okx"},
        {"XRAY_EXCHANGE_ENDPOINTS": ENDPOINTS},
    ]
    assert len({world_from(values).name for values in asked}) == len(asked)


def test_a_real_exchange_has_no_override_and_no_practice_exchange():
    world = world_from({"EXCHANGE": "binance", "XRAY_EXCHANGE_ENDPOINTS": ENDPOINTS})
    assert (world.practice, world.endpoints, world.exchange) == (False, "", "binance")


def test_another_server_behind_the_endpoints_replaces_ours():
    world = world_from({"XRAY_EXCHANGE_ENDPOINTS": ENDPOINTS})
    assert (world.practice, world.endpoints) == (False, ENDPOINTS)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"EXCHANGE": "kraken"}, "EXCHANGE"),
        ({"EXCHANGE": "binance", "DATA": "."}, "EXCHANGE and DATA"),
        ({"SEED": "x"}, "SEED"),
        ({"SEED": "-1"}, "SEED"),
        ({"SEED": "1.5"}, "SEED"),
        ({"SPEED": "0"}, "SPEED"),
        ({"SPEED": "nan"}, "SPEED"),
        ({"SPEED": "99999"}, "SPEED"),
        ({"DATA": "does/not/exist"}, "DATA"),
    ],
)
def test_nonsense_is_refused_with_the_name_of_the_option(values, name):
    with pytest.raises(BadOption, match=name):
        world_from(values)


def test_a_folder_without_candles_is_refused(tmp_path):
    with pytest.raises(BadOption, match="parquet"):
        world_from({"DATA": str(tmp_path)})
