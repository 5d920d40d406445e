"""A small world: Anna and Ben with one of everything each, and clients that are logged in by token."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from knox.models import AuthToken
from rest_framework.test import APIClient

from accounts.clock import now
from accounts.models import ExchangeAccount, User
from accounts.services.users import user_create
from signals.models import Instrument, Signal, Strategy
from trading.models import Balance, BalanceSnapshot, Bot, BotConfig, Fill, Intent, Order, Position, TradingStats

PASSWORD = "a long pass phrase 42"


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch) -> None:
    """Tasks are not sent anywhere."""
    monkeypatch.setattr("celery.app.task.Task.apply_async", lambda *args, **kwargs: None)
    monkeypatch.setattr("celery.canvas.Signature.apply_async", lambda *args, **kwargs: None)


@pytest.fixture(autouse=True)
def _fresh_cache() -> None:
    from django.core.cache import cache

    cache.clear()


@pytest.fixture
def instrument(db) -> Instrument:
    return Instrument.objects.create(
        exchange="binance",
        symbol="BTC/USDT",
        market_id="BTCUSDT",
        base="BTC",
        quote="USDT",
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.00001"),
        min_notional=Decimal("5"),
        selected=True,
    )


@pytest.fixture
def strategy(db) -> Strategy:
    return Strategy.objects.create(name="MA cross", kind="ma_cross", parameters={"fast": 9, "slow": 21})


@pytest.fixture
def signal(instrument: Instrument, strategy: Strategy) -> Signal:
    return Signal.objects.create(
        instrument=instrument,
        timeframe="1m",
        strategy=strategy,
        candle_open_time=now().replace(second=0, microsecond=0),
        side="buy",
        confidence=0.7,
        reason="fast above slow",
        close=Decimal("100000.01"),
        inputs={"fast": 1.0},
    )


class Person:
    """A user with an account, a bot and one row of everything."""

    def __init__(self, user: User, client: APIClient) -> None:
        self.user, self.client = user, client
        self.account: ExchangeAccount
        self.bot: Bot
        self.rows: dict[str, Any] = {}


def _client(user: User) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {AuthToken.objects.create(user)[1]}")
    return client


def _bot(person: Person, strategy: Strategy) -> Bot:
    bot = Bot.objects.create(user=person.user, account=person.account, name="bot")
    bot.config = BotConfig.objects.create(bot=bot, version=1)
    bot.save()
    return bot


def _rows(person: Person, instrument: Instrument, signal: Signal) -> dict[str, Any]:
    bot, account = person.bot, person.account
    common = {"bot": bot, "account": account, "instrument": instrument}
    position = Position.objects.create(**common, config=bot.config, signal=signal, status="open", amount="0.001")
    trade = Position.objects.create(
        **common,
        config=bot.config,
        status="closed",
        realised_pnl=Decimal("0.000000000001"),
        close_reason="take_profit",
        closed_at=now(),
    )
    intent = Intent.objects.create(**common, config=bot.config, signal=signal, purpose="entry", side="buy")
    order = Order.objects.create(
        **common,
        intent=intent,
        position=position,
        client_order_id=f"c{bot.pk}",
        side="buy",
        type="limit",
        status="active",
        amount=Decimal("123456789.123456789012"),
        price=Decimal("0.000000000001"),
    )
    fill = Fill.objects.create(
        order=order,
        account=account,
        instrument=instrument,
        trade_id="1",
        side="buy",
        price=Decimal("1000000000000000"),
        amount=Decimal("0.1"),
        fee_currency="USDT",
        executed_at=now(),
    )
    TradingStats.objects.create(bot=bot, day=date(2026, 1, 2), trades=1, realised_pnl=Decimal("1.50"))
    BalanceSnapshot.objects.create(account=account, equity="1", free="1", in_positions="0", at=now())
    Balance.objects.create(account=account, currency="USDT", total="10000")
    return {"positions": position, "trades": trade, "intents": intent, "orders": order, "fills": fill}


def _person(email: str, role: str, instrument: Instrument, strategy: Strategy, signal: Signal) -> Person:
    user = user_create(email=email, password=PASSWORD, role=role)
    person = Person(user, _client(user))
    person.account = ExchangeAccount.objects.create(
        user=user, name="paper", exchange="binance", verification="not_needed"
    )
    person.bot = _bot(person, strategy)
    person.rows = _rows(person, instrument, signal)
    return person


@pytest.fixture
def anna(instrument: Instrument, strategy: Strategy, signal: Signal) -> Person:
    return _person("anna@example.org", "trader", instrument, strategy, signal)


@pytest.fixture
def ben(instrument: Instrument, strategy: Strategy, signal: Signal) -> Person:
    return _person("ben@example.org", "trader", instrument, strategy, signal)


@pytest.fixture
def staff(db) -> APIClient:
    return _client(user_create(email="staff@example.org", password=PASSWORD, role="staff"))


@pytest.fixture
def integration(instrument: Instrument, strategy: Strategy, signal: Signal) -> Person:
    return _person("script@example.org", "integration", instrument, strategy, signal)


@pytest.fixture
def later():
    """A moment an hour from now, in ISO 8601."""
    return (now() + timedelta(hours=1)).isoformat()
