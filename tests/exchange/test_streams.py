"""User-data streams of OKX, Bybit, KuCoin and MEXC over real sockets, each in its own format, by unmodified ccxt."""

import asyncio
import socket
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from accounts.exchanges import factory
from accounts.exchanges.loop import background_loop
from accounts.models import ExchangeAccount
from tests.exchange.desk import until
from tests.exchange.test_wires import Desk, wire  # noqa: F401  the fixture
from tests.exchange.wires.base import KEY, Answer
from tests.exchange.wires.streams import STREAMS
from trading import balance_bell, user_streams
from trading.memory import AccountMemory
from trading.models import AccountLease, Balance
from trading.services import reconciliation
from trading.store.checks import CHANGED
from trading.turn.catch_up import BELL, STREAM

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]
BALANCES = (
    "GET /api/v5/account/balance",
    "GET /v5/account/wallet-balance",
    "GET /api/v1/accounts",
    "GET /api/v3/account",
)
# How a key that is not good any more is refused: at the socket, or when the stream is asked for.
REFUSED = {
    "okx": None,
    "bybit": None,
    "kucoin": ("POST /api/v1/bullet-private", Answer({"code": "400003", "msg": "KC-API-KEY not exists"}, 401)),
    "mexc": ("POST /api/v3/userDataStream", Answer({"code": 10072, "msg": "Api key info invalid"}, 400)),
}


class Followed:
    """An account at one exchange and its user stream, as the streams' process keeps it."""

    def __init__(self, here: Any, woken: list[int], verified: list[int], looks: list[Any]) -> None:
        self.wire, self.woken, self.verified, self.looks = here, woken, verified, looks
        self.desk = Desk(here)
        self.account, self.stream = self.desk.account, STREAMS[here.exchange](here)

    def begin(self) -> Any:
        self.begun = len(self.wire.seen)  # what is asked from now on
        return asyncio.run_coroutine_threadsafe(user_streams._account_stream(self.account), background_loop())

    def rings(self) -> int:
        """How often the account was woken so far."""
        return len(self.woken)


@pytest.fixture
def followed(wire, monkeypatch) -> Iterator[Any]:  # noqa: F811
    """`followed(exchange)` begins one; with `refused` its key is not good any more, `silent` answers nothing,
    `orders_only` refuses to tell balances; `funded`: its ledger has begun."""
    running: list[Any] = []
    woken: list[int] = []
    verified: list[int] = []
    looks: list[Any] = []  # at what was told of balances: whether it had the account compared

    def balances_told(**told: Any) -> Any:
        looks.append(reconciliation.balances_told(**told))
        return looks[-1]

    monkeypatch.setattr(balance_bell, "SETTLE_S", 0.2)
    monkeypatch.setattr(balance_bell, "balances_told", balances_told)
    monkeypatch.setattr(user_streams, "BACKOFF_S", (0.1, 0.3))
    monkeypatch.setattr(user_streams, "account_wake_now", woken.append)
    monkeypatch.setattr(user_streams, "account_verify_soon", lambda account_id: verified.append(account_id))

    def start(
        exchange: str, refused: bool = False, silent: bool = False, orders_only: bool = False, funded: bool = False
    ) -> Followed:
        made = Followed(wire(exchange), woken, verified, looks)
        if funded:
            made.desk.until(lambda: Balance.objects.filter(account=made.account).exists())
        if refused and (told := REFUSED[exchange]):
            made.wire.scripted[told[0]] = told[1]
        made.stream.refuses, made.stream.silent, made.stream.tells_orders_only = refused, silent, orders_only
        running.append(made.begin())
        return made

    yield start
    for task in running:
        task.cancel()


@pytest.mark.parametrize("exchange", STREAMS)
def test_what_happens_to_an_order_rings_the_bell(followed, exchange) -> None:
    here = followed(exchange)
    until(lambda: here.stream.ready)
    memory = AccountMemory(here.account.pk)
    for state in ("open", "canceled"):
        memory.note_drop(BELL)
        before = here.rings()
        here.stream.tell(state)
        until(lambda before=before: here.rings() > before)
        assert memory.note_read(BELL)


@pytest.mark.parametrize("exchange", STREAMS)
def test_a_socket_that_ends_is_a_gap_and_is_opened_again(followed, exchange) -> None:
    here = followed(exchange)
    until(lambda: here.stream.ready)
    here.stream.tell()
    until(here.rings)
    gaps = AccountLease.objects.filter(account=here.account, check_reason="a gap in its stream")
    assert not gaps.exists()
    old = set(here.stream.ready)
    here.stream.drop()
    until(gaps.exists)
    until(lambda: set(here.stream.ready) - old)
    before = here.rings()
    here.stream.tell("canceled")
    until(lambda: here.rings() > before)
    assert here.verified == []
    wanted, asked = gaps.get().check_wanted_at, len(here.wire.seen)
    here.desk.until(lambda: ExchangeAccount.objects.filter(pk=here.account.pk, last_checked_at__gt=wanted).exists())
    assert set(here.wire.seen[asked:]) & set(BALANCES), "compared by REST"


@pytest.mark.parametrize("exchange", STREAMS)
def test_a_refused_key_has_the_account_verified_and_is_not_tried_all_the_time(followed, exchange) -> None:
    here = followed(exchange, refused=True)
    until(lambda: here.verified)
    assert set(here.verified) == {here.account.pk} and not here.stream.ready
    before = len(here.wire.seen) + here.stream.logins
    time.sleep(1.0)
    assert len(here.wire.seen) + here.stream.logins - before <= 12, (
        "a few tries a second at most, by the shortened wait"
    )


@pytest.mark.parametrize("exchange", ["okx", "bybit"])
def test_a_login_that_is_not_answered_is_no_stream(followed, monkeypatch, exchange) -> None:
    monkeypatch.setattr(user_streams, "QUIET_S", 0.3)
    here = followed(exchange, silent=True)
    until(lambda: here.stream.logins >= 2)
    assert AccountMemory(here.account.pk).note_read(STREAM) is None
    here.stream.silent = False
    until(lambda: here.stream.ready)
    until(lambda: AccountMemory(here.account.pk).note_read(STREAM))


@pytest.mark.parametrize("exchange", STREAMS)
def test_balances_told_that_are_not_the_ledgers_have_the_account_compared(followed, exchange) -> None:
    here = followed(exchange, funded=True)
    until(lambda: here.stream.balances_asked)
    here.stream.tell_balances(USDT="5000", BNB="0")
    until(lambda: here.looks)
    assert set(here.looks) == {False} and not AccountLease.objects.filter(check_reason=CHANGED).exists()
    assert not set(here.wire.seen[here.begun :]) & set(BALANCES), "told by the stream alone"
    here.wire.core.accounts[KEY]["free"]["USDT"] += Decimal("123.45")
    before = here.rings()
    here.stream.tell_balances(USDT="5123.45")
    until(lambda: True in here.looks)
    assert here.rings() > before
    lease = AccountLease.objects.get(account=here.account)
    assert lease.check_reason == CHANGED
    here.desk.until(lambda: ExchangeAccount.objects.filter(last_checked_at__gt=lease.check_wanted_at).exists())
    assert AccountLease.objects.get(account=here.account).unconfirmed == {"USDT": "123.45"}, "to be confirmed"
    assert Balance.objects.get(account=here.account, currency="USDT").exchange_total == Decimal("5123.45")


@pytest.mark.parametrize("exchange", STREAMS)
def test_an_exchange_that_does_not_tell_balances_goes_on_telling_orders(
    followed, streaming, monkeypatch, caplog, exchange
) -> None:
    """One ends the socket's whole work for it, another only that subscription; one says nothing that ccxt reads."""
    streaming(ping_ms=150)
    here = followed(exchange, orders_only=True, funded=True)
    until(lambda: here.stream.balances_asked)
    if exchange != "mexc":
        until(lambda: "its user stream does not tell balances" in caplog.text)
    asked = len(here.stream.balances_asked)
    until(lambda: [here.stream.tell()] and AccountMemory(here.account.pk).note_read(STREAM))
    logins = here.stream.logins
    for state in ("canceled", "open", "canceled"):
        before = here.rings()
        here.stream.tell(state)
        until(lambda before=before: here.rings() > before)
    assert (here.stream.logins, len(here.stream.balances_asked)) == (logins, asked), "neither is tried all the time"
    assert caplog.text.count("does not tell balances") == (exchange != "mexc")


GARBLED = {
    "okx": {"arg": {"channel": "account"}, "data": [{"details": [{"ccy": "USDT", "eq": "-1"}, {"eq": "x"}, None]}]},
    "bybit": {"topic": "wallet", "data": [{"accountType": "UNIFIED", "coin": [{"coin": "USDT", "equity": ""}]}, 7]},
    "kucoin": {
        "type": "message",
        "topic": "/account/balance",
        "subject": "account.balance",
        "data": {"currency": "USDT"},
    },
    "mexc": b"\x0a\x1espot@private.account.v3.api.pb\xff\xff",
}


@pytest.mark.parametrize("exchange", STREAMS)
def test_balances_that_nobody_can_read_end_nothing(followed, streaming, exchange) -> None:
    streaming(ping_ms=150)
    here = followed(exchange, funded=True)
    until(lambda: here.stream.balances_asked)
    here.stream.tell()
    until(here.rings)
    here.stream.send([GARBLED[exchange]])
    reasons = (CHANGED, "a gap in its stream")
    until(AccountLease.objects.filter(account=here.account, check_reason__in=reasons).exists)
    until(lambda: [here.stream.tell()] and AccountMemory(here.account.pk).note_read(STREAM))
    before = here.rings()
    here.stream.tell("canceled")
    until(lambda: here.rings() > before)


@pytest.fixture
def streaming(monkeypatch) -> Any:
    """`streaming(ping_ms=...)` has clients ping that often; MEXC's key is kept alive `key_ms` apart."""
    own = factory._config

    def often(ping_ms: int, key_ms: int = 1_200_000) -> None:
        def config(quirks: Any, account: Any) -> Any:
            made = own(quirks, account)
            options = made["options"] | {"listenKeyRefreshRate": key_ms}
            return made | {"options": options, "streaming": {"keepAlive": ping_ms}}

        monkeypatch.setattr(factory, "_config", config)
        monkeypatch.setattr(STREAMS["kucoin"], "ping_ms", ping_ms)

    return often


@pytest.mark.parametrize("exchange", STREAMS)
def test_pings_in_the_exchanges_own_words_keep_a_socket_and_unanswered_ones_end_it(
    followed, streaming, exchange
) -> None:
    """ccxt gives up a socket after two intervals without a pong that it understands."""
    streaming(ping_ms=150)
    here = followed(exchange)
    until(lambda: any(count >= 5 for count in here.stream.pings.values()))
    here.stream.tell()
    until(here.rings)
    here.stream.deaf, before = True, here.stream.logins
    until(lambda: here.stream.logins > before)
    until(AccountLease.objects.filter(account=here.account, check_reason="a gap in its stream").exists)


def test_a_host_that_kucoin_names_is_not_dialled_unless_it_is_allowed(followed, monkeypatch, caplog) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(0.5)
        at = f"ws://127.0.0.1:{elsewhere.getsockname()[1]}/endpoint"
        monkeypatch.setattr(STREAMS["kucoin"], "elsewhere", at)
        here = followed("kucoin")
        until(lambda: "is not a configured address, so it was not dialled" in caplog.text)
        assert here.stream.logins and "Its orders are read by REST every few seconds instead." in caplog.text
        with pytest.raises(TimeoutError):
            elsewhere.accept()


def test_mexcs_key_is_kept_alive_and_one_that_it_forgot_is_replaced(followed, streaming) -> None:
    streaming(ping_ms=8000, key_ms=150)
    here = followed("mexc")
    until(lambda: here.stream.kept >= 2)
    assert here.stream.logins == 1
    here.stream.listen_key, old = "forgotten", set(here.stream.ready)
    until(lambda: set(here.stream.ready) - old)
    assert here.stream.logins >= 2
    before = here.rings()
    here.stream.tell()
    until(lambda: here.rings() > before)
