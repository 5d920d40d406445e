"""A small world for pages: users, accounts, markets, bots, trades that add up."""

import random
from datetime import datetime, timedelta
from decimal import Decimal

from accounts.clock import now
from accounts.models import ExchangeAccount, Notice, User
from mlmodels.models import ModelVersion, TrainingRun
from signals import quotes
from signals.models import ExchangeState, Instrument, Signal, Strategy
from trading.models import Balance, BalanceSnapshot, Bot, BotConfig, Fill, Intent, LedgerEntry, Order, Position

PASSWORD = "correct horse battery"
PRICES = {
    "BTC": ("67432.1", "0.1"),
    "ETH": ("3512.44", "0.01"),
    "SOL": ("171.32", "0.01"),
    "PEPE": ("0.00001674", "0.00000001"),
    "LINK": ("17.398", "0.001"),
    "RUNE": ("6.960", "0.001"),
    "UNI": ("11.008", "0.001"),
}


def trader(email: str = "anna@example.org", **fields) -> User:
    return User.objects.create_user(email, PASSWORD, **fields)


def account(user: User, name: str = "Main", mode: str = "paper", **fields) -> ExchangeAccount:
    return ExchangeAccount.objects.create(
        user=user, name=name, exchange="binance", mode=mode, verification="not_needed", **fields
    )


def markets() -> dict[str, Instrument]:
    found = {}
    for base, (price, tick) in PRICES.items():
        found[base] = Instrument.objects.create(
            exchange="binance",
            symbol=f"{base}/USDT",
            market_id=f"{base}USDT",
            base=base,
            quote="USDT",
            tick_size=Decimal(tick),
            lot_size=Decimal("0.00001"),
            min_notional=Decimal(5),
            selected=True,
            volume_quote_24h=float(Decimal(price)) * 1e5,
        )
        quote(base, Decimal(price))
    ExchangeState.objects.update_or_create(
        exchange="binance", defaults={"connection": "live", "last_event_at": now(), "markets_loaded_at": now()}
    )
    return found


def quote(base: str, bid: Decimal) -> None:
    row = quotes.QuoteRow(f"{base}/USDT", bid, bid * Decimal("1.0002"), Decimal(10), Decimal(10), now())
    quotes.publish("binance", [row])


def strategy(name: str = "Moving averages", kind: str = "ma_cross") -> Strategy:
    return Strategy.objects.get_or_create(name=name, version=1, defaults={"kind": kind})[0]


def bot(user: User, where: ExchangeAccount, name: str = "Majors trend", status: str = "running", **config) -> Bot:
    made = Bot.objects.create(user=user, account=where, name=name, status=status)
    made.config = BotConfig.objects.create(
        bot=made, version=1, **{"max_positions": 6, "profit_target": Decimal("0.012"), "entry_type": "market", **config}
    )
    made.save(update_fields=["config"])
    return made


def signal(instrument: Instrument, made_by: Strategy, side: str = "buy", at: datetime | None = None) -> Signal:
    at = at or now()
    opened = at.replace(second=0, microsecond=0) - timedelta(minutes=1)
    return Signal.objects.create(
        instrument=instrument,
        timeframe="1m",
        strategy=made_by,
        candle_open_time=opened,
        side=side,
        confidence=round(random.Random(str(at)).uniform(0.41, 0.93), 2),
        reason="The fast average crossed above the slow one, 0.34 % over it",
        close=Decimal(PRICES[instrument.base][0]),
        inputs={"fast_average": 171.02, "slow_average": 170.44, "crossed_bars_ago": 1},
        created_at=at,
    )


def position(
    owner: Bot,
    instrument: Instrument,
    *,
    result: str = "0.004",
    closed: bool = False,
    opened_at: datetime | None = None,
    reason: str = "take_profit",
    from_signal: Signal | None = None,
) -> Position:
    """A position of 200 quote units, `result` the price change since entry; closed ones sold at it."""
    last = Decimal(PRICES[instrument.base][0])
    tick = instrument.tick_size
    entry = (last / (1 + Decimal(result)) / tick).to_integral_value() * tick
    amount = (Decimal(200) / entry).quantize(instrument.lot_size)
    opened = opened_at or now() - timedelta(minutes=11)
    fee_in = amount * entry * Decimal("0.001")
    made = Position.objects.create(
        bot=owner,
        account=owner.account,
        instrument=instrument,
        config=owner.config,
        signal=from_signal,
        status="open",
        amount=amount,
        bought=amount,
        buy_cost=amount * entry,
        fees_quote=fee_in,
        fees_cash=fee_in,
        stop_price=(entry * Decimal("0.991") / tick).to_integral_value() * tick,
        target_price=(entry * Decimal("1.012") / tick).to_integral_value() * tick,
        hold_until=opened + timedelta(minutes=15),
        opened_at=opened,
    )
    _executed(made, "buy", entry, opened, "entry")
    if closed:
        _close(made, last, opened + timedelta(minutes=9), reason)
    return made


def _close(made: Position, price: Decimal, at: datetime, reason: str) -> None:
    fee = made.amount * price * Decimal("0.001")
    made.sold, made.sell_proceeds, made.amount = made.amount, made.amount * price, Decimal(0)
    made.fees_quote += fee
    made.fees_cash += fee
    made.realised_pnl = made.sell_proceeds - made.buy_cost - made.fees_quote
    made.status, made.close_reason, made.closed_at = "closed", reason, at
    made.save()
    _executed(made, "sell", price, at, reason)


def _executed(made: Position, side: str, price: Decimal, at: datetime, purpose: str) -> None:
    amount = made.bought
    intent = Intent.objects.create(
        bot=made.bot,
        config=made.config,
        account=made.account,
        instrument=made.instrument,
        signal=made.signal if side == "buy" else None,
        position=made,
        purpose=purpose if purpose in Intent.Purpose.values else "exit",
        side=side,
        status="done",
        created_at=at - timedelta(milliseconds=420),
        claimed_at=at - timedelta(milliseconds=360),
    )
    order = Order.objects.create(
        intent=intent,
        account=made.account,
        bot=made.bot,
        instrument=made.instrument,
        position=made,
        client_order_id=f"x{intent.pk:027d}",
        side=side,
        type="market",
        status="filled",
        amount=amount,
        filled=amount,
        cost=amount * price,
        reference_price=price * (Decimal("0.9998") if side == "buy" else Decimal("1.0001")),
        created_at=at - timedelta(milliseconds=300),
        submitted_at=at - timedelta(milliseconds=200),
        closed_at=at,
    )
    Fill.objects.create(
        order=order,
        account=made.account,
        instrument=made.instrument,
        trade_id=f"t{order.pk}",
        side=side,
        price=price,
        amount=amount,
        fee=amount * price * Decimal("0.001"),
        fee_currency="USDT",
        executed_at=at,
        created_at=at,
    )


def snapshots(where: ExchangeAccount, values: list[str], every: timedelta = timedelta(minutes=10)) -> None:
    """Equity snapshots that end now, and count what was paid in."""
    paid = LedgerEntry.objects.filter(account=where).order_by("-pk").values_list("pk", flat=True).first()
    begin = now() - every * (len(values) - 1)
    BalanceSnapshot.objects.bulk_create(
        BalanceSnapshot(
            account=where,
            at=begin + every * number,
            equity=Decimal(value),
            free=Decimal(value) * Decimal("0.7"),
            in_positions=Decimal(value) * Decimal("0.3"),
            net_deposits=Decimal(10000),
            ledger_seen=paid or 0,
        )
        for number, value in enumerate(values)
    )


def notice(user: User, level: str = "warn", title: str = "Bot paused", text: str = "Five errors in a row.") -> Notice:
    return Notice.objects.create(user=user, level=level, title=title, text=text)


def balances(where: ExchangeAccount, cash: str = "9800") -> None:
    """Balances and the deposit that make the account's live value: cash plus what its open positions hold."""
    paid = LedgerEntry.objects.create(
        account=where, reference="start", currency="USDT", amount=Decimal(10000), kind="deposit", at=now()
    )
    BalanceSnapshot.objects.filter(account=where).update(ledger_seen=paid.pk)
    Balance.objects.create(account=where, currency="USDT", total=Decimal(cash))
    for row in Position.objects.filter(account=where, status="open").select_related("instrument"):
        Balance.objects.create(account=where, currency=row.instrument.base, total=row.amount)


def model(status: str = "shadow") -> ModelVersion:
    """A model with a report of its held-out signals, and the training run that made the next one."""
    made_by = Strategy.objects.create(name="model binance 1m", kind="model", enabled=status == "champion")
    tail = {"signals": 420, "precision": 0.581, "precision_low": 0.533, "precision_high": 0.627, "net_mean": 0.0031}
    more = {"net_low": -0.0004, "net_all": 0.0012, "profit_curve": [[1e12, 0.1], [2e12, 0.4], [3e12, 1.3]]}
    fields = {"exchange": "binance", "timeframe": "1m"}
    TrainingRun.objects.create(status="skipped", message="Not enough data: 12 candles of 400.", **fields)
    return ModelVersion.objects.create(
        name=made_by.name,
        version=1,
        status=status,
        strategy=made_by,
        trained_from=now() - timedelta(days=2),
        trained_to=now() - timedelta(hours=1),
        rows=9000,
        report={"tail": {**tail, **more}},
        **fields,
    )
