"""Small factories for the trading room's tests."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.clock import clock_set
from accounts.models import ExchangeAccount, User
from signals.models import Instrument, Signal, Strategy
from trading.models import Bot, BotConfig, Position

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Make:
    """Creates rows with sensible values; names are numbered."""

    def __init__(self) -> None:
        self.count = 0

    def user(self, **values: Any) -> User:
        self.count += 1
        return User.objects.create(**{"email": f"u{self.count}@example.org", **values})

    def account(self, user: User | None = None, **values: Any) -> ExchangeAccount:
        self.count += 1
        base = {"name": f"Account {self.count}", "exchange": "binance", "mode": "paper", "verification": "not_needed"}
        return ExchangeAccount.objects.create(user=user or self.user(), **{**base, **values})

    def instrument(self, symbol: str = "BTC/USDT", **values: Any) -> Instrument:
        base, quote = symbol.split("/")
        fields = {
            "exchange": "binance",
            "market_id": base + quote,
            "base": base,
            "quote": quote,
            "tick_size": Decimal("0.01"),
            "lot_size": Decimal("0.00001"),
            "min_notional": Decimal(5),
            "selected": True,
        }
        return Instrument.objects.create(symbol=symbol, **{**fields, **values})

    def strategy(self, kind: str = "aggregate", **values: Any) -> Strategy:
        self.count += 1
        return Strategy.objects.create(**{"name": f"{kind} {self.count}", "kind": kind, **values})

    def bot(self, account: ExchangeAccount | None = None, status: str = "running", **config: Any) -> Bot:
        self.count += 1
        account = account or self.account()
        bot = Bot.objects.create(user=account.user, account=account, name=f"Bot {self.count}", status=status)
        bot.config = BotConfig.objects.create(bot=bot, version=1, **config)
        bot.save(update_fields=["config"])
        return bot

    def signal(self, instrument: Instrument, side: str = "buy", **values: Any) -> Signal:
        fields = {"timeframe": "1m", "candle_open_time": AT, "confidence": 0.7, "reason": "test", "close": Decimal(100)}
        strategy = values.pop("strategy", None) or self.strategy()
        return Signal.objects.create(instrument=instrument, side=side, strategy=strategy, **{**fields, **values})

    def position(self, bot: Bot, instrument: Instrument, **values: Any) -> Position:
        fields = {
            "status": "open",
            "amount": Decimal(2),
            "bought": Decimal(2),
            "buy_cost": Decimal(200),
            "stop_price": Decimal("99.10"),
            "target_price": Decimal("101.20"),
            "opened_at": AT,
            "hold_until": AT + timedelta(seconds=2000),
        }
        return Position.objects.create(
            bot=bot, account=bot.account, instrument=instrument, config=bot.config, **{**fields, **values}
        )


@pytest.fixture
def make() -> Make:
    return Make()


@pytest.fixture
def at_noon():
    """The platform's clock stands at 12:01:01, a second after the test candle closed."""
    with clock_set(lambda: AT + timedelta(seconds=61)):
        yield AT + timedelta(seconds=61)


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Account ids that were woken; no broker is spoken to."""
    from django.core.cache import cache

    from trading.services import wakes

    cache.clear()
    found: list[int] = []

    def note(account_id: int, *, delay_s: float = 0.0) -> bool:
        found.append(account_id)
        return True

    monkeypatch.setattr(wakes, "account_wake_now", note)
    return found
