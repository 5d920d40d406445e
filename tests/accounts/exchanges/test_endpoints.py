import json

import pytest

from accounts.exchanges.endpoints import address, endpoints_check, endpoints_for


def _set(settings, value) -> None:
    settings.XRAY_EXCHANGE_ENDPOINTS = value if isinstance(value, str) else json.dumps(value)


def test_nothing_set_means_the_exchange_itself(settings) -> None:
    _set(settings, "")
    assert endpoints_for("binance") is None
    assert endpoints_check() == []


def test_left_out_urls_are_derived_from_rest(settings) -> None:
    _set(settings, {"binance": {"rest": "http://127.0.0.1:9400/"}, "okx": {"rest": "https://okx.example"}})
    binance, okx = endpoints_for("binance"), endpoints_for("okx")
    assert (binance.rest, binance.ws, binance.ws_api, binance.sapi) == (
        "http://127.0.0.1:9400",
        "ws://127.0.0.1:9400",
        "ws://127.0.0.1:9400",
        "http://127.0.0.1:9400",
    )
    assert okx.ws == "wss://okx.example"
    assert okx.addresses == {("okx.example", 443)}
    assert endpoints_for("mexc") is None


def test_given_urls_are_kept(settings) -> None:
    urls = {"rest": "http://a:1", "ws": "ws://b:2", "ws_api": "ws://c:3", "sapi": "http://d:4"}
    _set(settings, {"binance": urls})
    assert endpoints_for("binance").addresses == {("a", 1), ("b", 2), ("c", 3), ("d", 4)}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ('{"binance": ', "not valid JSON"),
        ("[1]", "must be a JSON object"),
        ({"kraken": {"rest": "http://a"}}, "unknown exchange 'kraken'. Allowed: binance, bybit"),
        ({"binance": "http://a"}, "must be an object with at least 'rest'"),
        ({"binance": {}}, "needs 'rest'"),
        ({"binance": {"rest": "127.0.0.1:9400"}}, "Allowed: http://host:port or https://host:port"),
        ({"binance": {"rest": "ftp://a"}}, "Allowed: http://host:port"),
        ({"binance": {"rest": "http://a:99999"}}, "unreadable host or port"),
        ({"binance": {"rest": "http://a", "ws": "http://a"}}, "ws is not a URL of the right kind. Allowed: ws://"),
        ({"binance": {"rest": "http://a", "wss": "wss://a"}}, "unknown key 'wss'. Allowed: rest"),
        ({"binance": {"rest": "http://user:secret@a"}}, "must not carry a user"),
        ({"binance": {"rest": 5}}, "must be text"),
    ],
)
def test_broken_settings_say_what_is_allowed(settings, value, words: str) -> None:
    _set(settings, value)
    [error] = endpoints_check()
    assert error.startswith("XRAY_EXCHANGE_ENDPOINTS")
    assert words in error
    assert "secret" not in error
    with pytest.raises(ValueError, match="XRAY_EXCHANGE_ENDPOINTS"):
        endpoints_for("binance")


def test_every_error_is_listed(settings) -> None:
    _set(settings, {"kraken": {}, "binance": {"rest": "x", "foo": "y"}})
    assert len(endpoints_check()) == 3


def test_default_ports() -> None:
    assert address("wss://stream.example/ws") == ("stream.example", 443)
    assert address("http://h:8080/x") == ("h", 8080)
