"""Signals to intents for many bots: the production's set-based statement against one insert a bot."""

import time
from collections.abc import Callable
from datetime import timedelta

from django.db import transaction

from accounts.clock import now
from accounts.models import ExchangeAccount, User
from bench.timing import figure
from signals.domain.timeframes import last_closed_ms, open_time
from signals.models import Instrument, Signal
from signals.services.strategies import strategies_ensure
from trading.models import Bot, BotConfig, Intent

BOTS, SYMBOLS = 2000, 5


class _Undone(Exception):
    """Rolls a measured round back."""


def world_make() -> list[int]:
    """Bots that all want every signal; the ids of the signals of one candle."""
    strategy = strategies_ensure()[0]
    user = User.objects.create_user("bench@example.org", None)
    account = ExchangeAccount.objects.create(user=user, name="bench", exchange="binance", verification="not_needed")
    bots = Bot.objects.bulk_create(
        [Bot(user=user, account=account, name=f"bot {n}", status="running") for n in range(BOTS)], batch_size=500
    )
    configs = BotConfig.objects.bulk_create(
        [BotConfig(bot=bot, version=1, max_positions=SYMBOLS, source="strategy", strategy=strategy) for bot in bots],
        batch_size=500,
    )
    for bot, config in zip(bots, configs, strict=True):
        bot.config = config
    Bot.objects.bulk_update(bots, ["config"], batch_size=500)
    opened = open_time(last_closed_ms(int(now().timestamp() * 1000), "1m", 0))
    return [_signal(number, strategy, opened).pk for number in range(SYMBOLS)]


def _signal(number: int, strategy: object, opened: object) -> Signal:
    instrument = Instrument.objects.create(
        exchange="binance",
        symbol=f"B{number}/USDT",
        market_id=f"B{number}USDT",
        base=f"B{number}",
        quote="USDT",
        tick_size="0.01",
        lot_size="0.001",
        selected=True,
    )
    return Signal.objects.create(
        instrument=instrument,
        timeframe="1m",
        strategy=strategy,
        candle_open_time=opened,
        side="buy",
        confidence=0.9,
        reason="bench",
        close="1",
    )


def measured(work: Callable[[], int], rounds: int = 3) -> tuple[float, int]:
    """Seconds of the fastest round and the rows it made; every round is rolled back."""
    best, made = float("inf"), 0
    for _ in range(rounds):
        try:
            with transaction.atomic():
                began = time.perf_counter()
                made = work()
                best = min(best, time.perf_counter() - began)
                raise _Undone
        except _Undone:
            pass
    return best, made


def one_by_one(signal_ids: list[int]) -> int:
    """What a loop over bots would do."""
    signals = list(Signal.objects.filter(pk__in=signal_ids).select_related("instrument"))
    expires, made = now() + timedelta(minutes=1), 0
    for bot in Bot.objects.select_related("config", "account"):
        for signal in signals:
            Intent.objects.create(
                bot=bot,
                config=bot.config,
                account=bot.account,
                instrument=signal.instrument,
                signal=signal,
                purpose="entry",
                side="buy",
                confidence=signal.confidence,
                expires_at=expires,
            )
            made += 1
    return made


def run() -> None:
    """Rows a second and the ratio, on a database made for it."""
    from django.db import connection
    from django.test.utils import setup_databases, teardown_databases

    from trading.services.intents import intents_fan_out

    databases = setup_databases(verbosity=0, interactive=False)
    try:
        ids = world_make()
        ours, made = measured(lambda: intents_fan_out(signal_ids=ids))
        if made != BOTS * SYMBOLS:
            raise RuntimeError(f"{made} intents were made of {BOTS * SYMBOLS}: what is measured is not the fan-out.")
        theirs, made_too = measured(lambda: one_by_one(ids), rounds=1)
        figure(
            "fan out",
            database=connection.vendor,
            bots=BOTS,
            intents=made,
            ms=ours * 1e3,
            rows_per_s=made / ours,
            one_by_one_rows_per_s=made_too / theirs,
            ratio=(made / ours) / (made_too / theirs),
        )
    finally:
        teardown_databases(databases, verbosity=0)
