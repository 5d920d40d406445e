import importlib

import aiohttp
import ccxt
import pytest

from accounts.exchanges import budget
from accounts.exchanges.errors import (
    AnswerUnreadable,
    ExchangeAmbiguous,
    ExchangeError,
    ExchangeNotFound,
    ExchangeRefused,
    ExchangeRetry,
    ExchangeStopped,
    translated,
)
from accounts.exchanges.sealing import Barred, DialRefused


@pytest.fixture(autouse=True)
def _fresh_budget():
    budget.budgets_forget()
    yield
    budget.budgets_forget()


def _caught(error: BaseException, cause: BaseException | None = None) -> ExchangeError:
    with pytest.raises(ExchangeError) as found, translated("Placing the order"):
        raise error from cause
    return found.value


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ccxt.RequestTimeout("binance POST"), ExchangeAmbiguous),
        (ccxt.NetworkError("binance"), ExchangeAmbiguous),
        (ccxt.ExchangeNotAvailable("binance 503"), ExchangeAmbiguous),
        (ccxt.ExchangeNotAvailable("binance POST http://x/api/v3/order 502 Bad Gateway 404 "), ExchangeAmbiguous),
        (ccxt.ExchangeNotAvailable("binance GET http://x/sapi/v1/account 404 Not Found <html>"), ExchangeRefused),
        (ccxt.OperationFailed("binance -1000"), ExchangeAmbiguous),
        (ccxt.BadResponse("binance"), AnswerUnreadable),
        (ccxt.NullResponse("binance"), AnswerUnreadable),
        (ccxt.DuplicateOrderId("binance"), ExchangeAmbiguous),
        (ccxt.ExchangeError("binance -9999"), ExchangeAmbiguous),
        (ccxt.DDoSProtection("binance 418"), ExchangeRetry),
        (ccxt.RateLimitExceeded("binance"), ExchangeRetry),
        (ccxt.InvalidNonce("binance -1021"), ExchangeRetry),
        (ccxt.OnMaintenance("binance"), ExchangeRetry),
        (ccxt.AuthenticationError("binance"), ExchangeStopped),
        (ccxt.PermissionDenied("binance"), ExchangeStopped),
        (ccxt.AccountSuspended("binance"), ExchangeStopped),
        (ccxt.InsufficientFunds("binance"), ExchangeRefused),
        (ccxt.InvalidOrder("binance"), ExchangeRefused),
        (ccxt.OrderImmediatelyFillable("binance"), ExchangeRefused),
        (ccxt.BadSymbol("binance"), ExchangeRefused),
        (ccxt.NotSupported("binance"), ExchangeRefused),
        (ccxt.OrderNotFound("binance"), ExchangeNotFound),
    ],
)
def test_ccxt_errors_say_what_to_do(error: Exception, kind: type[ExchangeError]) -> None:
    found = _caught(error)
    assert type(found) is kind
    assert str(found).startswith("Placing the order: ")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (
            'binance {"code":-1013,"msg":"Filter failure: PERCENT_PRICE_BY_SIDE"}',
            "Its price is too far from the market's (Filter failure: PERCENT_PRICE_BY_SIDE).",
        ),
        (
            'bybit {"retCode":170134, "retMsg": "Order price has too many decimals"}',
            "Order price has too many decimals.",
        ),
        ('okx {"code":"1","data":[{"sMsg":"Below the minimum"}],"msg":"All operations failed"}', "Below the minimum."),
        ("binance", "check amount, price and minimum."),
    ],
)
def test_a_broken_rule_of_the_market_is_named(raw: str, words: str) -> None:
    assert str(_caught(ccxt.InvalidOrder(raw))).endswith(words)


def test_every_ccxt_error_is_translated() -> None:
    module = importlib.import_module("ccxt.base.errors")
    kinds = [kind for kind in vars(module).values() if isinstance(kind, type)]
    assert len(kinds) > 30
    for kind in kinds:
        assert isinstance(_caught(kind("okx {}")), ExchangeError)


def test_what_was_never_sent_may_be_tried_again() -> None:
    refused = ConnectionRefusedError(111, "refused")
    assert type(_caught(ccxt.ExchangeNotAvailable("binance POST"), refused)) is ExchangeRetry
    assert (
        type(_caught(ccxt.ExchangeNotAvailable("binance POST"), aiohttp.ServerDisconnectedError())) is ExchangeAmbiguous
    )


def test_a_key_that_died_later_stops_the_account() -> None:
    """ccxt makes a retryable error of -2015 once the key has worked."""
    error = ccxt.DDoSProtection('binance {"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}')
    assert type(_caught(error)) is ExchangeStopped


def test_a_duplicate_id_is_looked_up() -> None:
    error = ccxt.InvalidOrder('binance {"code":-2010,"msg":"Duplicate order sent."}')
    assert type(_caught(error)) is ExchangeAmbiguous


def test_guards_own_errors() -> None:
    assert type(_caught(ccxt.ExchangeNotAvailable("kucoin"), DialRefused("x:1 was not dialled"))) is ExchangeRefused
    assert type(_caught(ccxt.NetworkError(DialRefused("x:1 was not dialled")))) is ExchangeRefused
    barred = _caught(ccxt.ExchangeNotAvailable("kucoin"), Barred("wait", 12.0))
    assert type(barred) is ExchangeRetry
    assert barred.retry_after_s == 12.0


def test_a_ban_says_for_how_long() -> None:
    budget.ban_set("binance", 30)
    found = _caught(ccxt.DDoSProtection("binance 418"))
    assert 29 < found.retry_after_s <= 30


def test_transport_errors_outside_of_ccxt() -> None:
    assert type(_caught(TimeoutError())) is ExchangeAmbiguous
    assert type(_caught(ConnectionRefusedError())) is ExchangeRetry


def test_secrets_are_scrubbed_from_the_raw_answer() -> None:
    url = "https://api.binance.com/api/v3/order?symbol=BTCUSDT&signature=deadbeefcafe"
    found = _caught(ccxt.RequestTimeout(f"binance POST {url}"))
    assert "deadbeefcafe" not in found.raw and "deadbeefcafe" not in str(found)


def test_bugs_stay_bugs() -> None:
    with pytest.raises(KeyError), translated():
        raise KeyError("not an exchange's doing")


def test_our_own_errors_pass() -> None:
    with pytest.raises(ExchangeStopped, match="as it is"), translated():
        raise ExchangeStopped("as it is")
