import logging

import pytest

from accounts.models import ExchangeAccount
from signals.models import Instrument

pytestmark = pytest.mark.django_db
PATH = "/api/exchange-accounts"
CANARIES = {"api_key": "CANARYKEY0000000001", "api_secret": "CANARYSECRET00000002"}


@pytest.fixture
def practice(settings) -> None:
    settings.XRAY_EXCHANGE_ENDPOINTS = '{"binance": {"rest": "http://127.0.0.1:1"}}'


def _add(person, **more):
    body = {"name": "keys", "exchange": "binance", "mode": "practice", **CANARIES, **more}
    return person.client.post(PATH, body, format="json")


def test_add_read_pause_remove(anna) -> None:
    body = {"name": "second", "exchange": "okx", "paper_start_balance": "2500.123456789012"}
    made = anna.client.post(PATH, body, format="json")
    assert made.status_code == 201, made.content
    account = made.json()
    assert (account["mode"], account["verification"], account["has_keys"]) == ("paper", "not_needed", False)
    assert account["paper_start_balance"] == "2500.123456789012"
    path = f"{PATH}/{account['id']}"
    assert anna.client.post(f"{path}/pause", {"reason": "x"}, format="json").json()["status"] == "paused"
    assert anna.client.post(f"{path}/resume").json()["status"] == "active"
    assert anna.client.post(f"{path}/verify").status_code == 400
    assert anna.client.delete(path).status_code == 204
    assert anna.client.get(path).status_code == 404


def test_paper_in_a_currency_that_nothing_trades_against_is_refused(anna) -> None:
    Instrument.objects.create(
        exchange="binance", symbol="BTC/EUR", market_id="BTCEUR", base="BTC", quote="EUR", tick_size=1, lot_size=1
    )
    Instrument.objects.create(
        exchange="binance", symbol="OLD/DAI", market_id="OLDDAI", base="OLD", quote="DAI", tick_size=1, lot_size=1,
        active=False,
    )  # fmt: skip
    for code in ("ZZZ", "DAI", "btc"):
        refused = anna.client.post(PATH, {"name": "odd", "exchange": "binance", "quote_currency": code}, format="json")
        (words,) = refused.json()["error"]["fields"]["quote_currency"]
        assert f"Binance trades nothing against {code.upper()}" in words and "work: USDT, EUR." in words
    body = {"name": "euro", "exchange": "binance", "quote_currency": "eur"}
    assert anna.client.post(PATH, body, format="json").status_code == 201
    body = {"name": "not loaded yet", "exchange": "okx", "quote_currency": "ZZZ"}
    assert anna.client.post(PATH, body, format="json").status_code == 201


def test_an_account_in_use_stays(anna) -> None:
    refused = anna.client.delete(f"{PATH}/{anna.account.public_id}")
    assert refused.status_code == 400
    assert "close them first" in refused.json()["error"]["message"]


def test_secrets_go_in_and_never_come_out(
    anna, practice, caplog, django_capture_on_commit_callbacks, monkeypatch
) -> None:
    caplog.set_level(logging.DEBUG)
    sent: list[tuple] = []
    monkeypatch.setattr("accounts.tasks.account_verify.delay", lambda *args, **kwargs: sent.append((args, kwargs)))
    with django_capture_on_commit_callbacks(execute=True):
        answers = [_add(anna)]
        path = f"{PATH}/{answers[0].json()['id']}"
        answers += [
            anna.client.get(PATH),
            anna.client.get(path),
            anna.client.post(f"{path}/keys", CANARIES, format="json"),
            anna.client.post(f"{path}/verify"),
            _add(anna),  # refused: the name is taken
            _add(anna, name="", exchange="kraken"),
            anna.client.post(PATH, {**CANARIES, "extra": 1}, format="json"),
            anna.client.get(f"{PATH}?api_key={CANARIES['api_key']}"),
        ]
    assert [answer.status_code for answer in answers] == [201, 200, 200, 202, 202, 400, 400, 400, 400]
    text = " ".join(answer.content.decode() for answer in answers)
    assert "CANARY" not in text and "sealed" not in text
    account = ExchangeAccount.objects.get(name="keys")
    assert sent == [((account.pk,), {})] * 3
    assert "CANARY" not in caplog.text + str(sent)
    assert "CANARY" not in account.sealed_credentials


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"exchange": "kraken"}, "exchange"),
        ({"mode": "real"}, "mode"),
        ({"api_secret": ""}, "api_secret"),
        ({"exchange": "kucoin"}, "passphrase"),
        ({"live_enabled": "perhaps"}, "live_enabled"),
        ({"live_enabled": True}, "live_enabled"),
        ({"paper_start_balance": "-1"}, "paper_start_balance"),
        ({"secret": "x"}, "secret"),
    ],
)
def test_bad_accounts_say_what_is_allowed(anna, practice, more: dict, field: str) -> None:
    answer = _add(anna, **more)
    assert answer.status_code == 400, answer.content
    assert answer.json()["error"]["fields"][field]
    assert not ExchangeAccount.objects.filter(name="keys").exists()


def test_live_is_refused_where_the_deployment_says_no(anna, settings) -> None:
    settings.XRAY_EXCHANGE_ENDPOINTS, settings.XRAY_LIVE_TRADING = "", False
    answer = _add(anna, mode="live", live_enabled=True)
    assert "XRAY_LIVE_TRADING=1" in answer.json()["error"]["fields"]["mode"][0]


@pytest.mark.parametrize(("exchange", "title"), [("kucoin", "KuCoin"), ("mexc", "MEXC")])
def test_testnet_is_refused_where_there_is_none(anna, settings, exchange: str, title: str) -> None:
    settings.XRAY_EXCHANGE_ENDPOINTS = ""
    answer = _add(anna, exchange=exchange, mode="testnet", **({"passphrase": "p"} if exchange == "kucoin" else {}))
    assert answer.status_code == 400
    assert answer.json()["error"]["fields"] == {"mode": [f"{title} has no test network: use paper."]}
    assert not ExchangeAccount.objects.filter(name="keys").exists()
