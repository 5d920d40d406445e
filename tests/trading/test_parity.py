"""Paper through the queue and the database, and backtest in memory: the same to the last digit, on real candles."""

import os
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from accounts.clock import clock_set
from signals.domain.timeframes import open_time
from signals.models import Instrument, SymbolXray
from tests.trading.worlds import account_make, bot_make, instrument_make
from trading.backtest.data import files_of, matrix_of, spec_of
from trading.backtest.quotes import Candle, MarketModel, quotes_of
from trading.backtest.replay import replay
from trading.domain.records import value_from
from trading.domain.riskbook import RiskBook
from trading.models import (
    AccountLease,
    AccountLimits,
    Balance,
    DecisionRecord,
    Fill,
    Intent,
    LedgerEntry,
    Order,
    Position,
    RiskEvent,
)
from trading.services.execution import account_execute
from trading.store import listeners
from trading.store.load import deployment_id
from trading.store.rows import POSITION_COLUMNS

DATA = Path(os.environ.get("XRAY_MARKET_DATA") or Path(__file__).parents[3] / "shared" / "market-data")
FOLDER = DATA / "binance-spot" / "5m"
SYMBOLS = [
    f"{base}/USDT"
    for base in ["BTC", "ETH", "SOL", "PEPE", "DOGE", "XRP", "SHIB", "ARB", "AVAX", "FLOKI", "WLD", "ORDI"]
]
TIMEFRAME = timedelta(minutes=5)
MODEL = MarketModel(spread=Decimal("0.0004"), visible_share=Decimal("0.0008"))
WANTED_TRADES = 500
CANDLES = 900
RULES = {
    "one_position",
    "order_rate",
    "daily_loss",
    "loss_streak",
    "coin_exposure",
    "group_exposure",
    "capacity",
    "slippage",
    "slippage_average",
    "cooldown",
}
KINDS = (
    "stop_loss",
    "take_profit",
    "holding_time",
    "exit",
    "orders filled in parts",
    "maker time-outs",
    "taken after a time-out",
    "entries given up",
    "denials",
    "dust taken over",
    "profit steps",
    "steps in",
    "stops trailing",
    "stops at the costs",
    "profits taken as maker",
    "makers that took the market",
)
D = Decimal

# What the other bots do without: enough trades of each kind are wanted.
FREE = {"loss_streak": 0, "stop_cooldown_s": 0, "max_slippage": D(1), "orders_per_minute": 0}
PLANS = {
    "maker": {
        "entry_type": "maker",
        "on_maker_timeout": "cancel",
        "profit_target": D("0.004"),
        "stop_loss": D("0.004"),
        "holding_time_s": 1800,
    },
    "maker-taker": {
        "entry_type": "maker",
        "on_maker_timeout": "taker",
        "profit_target": D("0.005"),
        "stop_loss": D("0.003"),
        "holding_time_s": 2400,
    },
    "market": {"profit_target": D("0.003"), "stop_loss": D("0.005"), "holding_time_s": 1200},
    "limited": {
        "sizing": "volatility",
        "equity_share": D("0.02"),
        "risk_per_trade": D("0.0002"),
        "profit_target": D("0.004"),
        "stop_loss": D("0.004"),
        "daily_loss": D("0.001"),
        "on_breach": "flatten",
        "loss_streak": 2,
        "pause_s": 1800,
        "cooldown_s": 600,
        "stop_cooldown_s": 1200,
        "max_slippage": D("0.002"),
        "price_band": D("0.01"),
        "orders_per_minute": 3,
        "stale_after_s": 120,
    },
    "large": {"profit_target": D("0.006"), "stop_loss": D("0.004"), "capital_per_trade": D(3000)},
    "levels": {
        "profit_target": D("0.02"),
        "stop_loss": D("0.01"),
        "holding_time_s": 7200,
        "trailing": D("0.003"),
        "trailing_after": D("0.005"),
        "breakeven_after": D("0.004"),
        "profit_steps": [{"gain": "0.003", "share": "0.3"}, {"gain": "0.007", "share": "0.3"}],
        "add_steps": [{"fall": "0.004", "share": "0.5"}, {"fall": "0.008", "share": "1"}],
        "exit_type": "maker",
    },
}


pytestmark = pytest.mark.embedded


@pytest.fixture(scope="module")
def market():
    if not FOLDER.exists():
        pytest.skip(f"real candles are not at {FOLDER} (set XRAY_MARKET_DATA)")
    matrix = matrix_of(files_of(FOLDER, SYMBOLS))
    return matrix.upto(int(matrix.open_time_ms[CANDLES]))


class PaperRun:
    """Drives one account candle by candle; bots decide by a stated rule on the candle that has closed.

    Buy when it rose and (candle + bot + symbol) is even; sell when it fell by more than 0.6 %.
    """

    def __init__(self, market):
        self.market = market
        self.begin = open_time(int(market.open_time_ms[0]))
        self.account = account_make(paper_start_balance=D(70_000))
        self.specs = {symbol: spec_of(market, row) for row, symbol in enumerate(market.symbols)}
        self.instruments = {symbol: instrument_make(symbol, spec) for symbol, spec in self.specs.items()}
        self.bots = [
            bot_make(self.account, name, **{**FREE, "max_positions": 12, "maker_timeout_s": 60, **plan})
            for name, plan in PLANS.items()
        ]
        AccountLimits.objects.create(
            account=self.account, coin_exposure="0.06", group_exposure="0.1", orders_per_minute=9, daily_loss="0.02"
        )
        for symbol, instrument in self.instruments.items():
            Instrument.objects.filter(pk=instrument.pk).update(
                volume_quote_24h=400_000, group="BTC" if symbol < "B" else ""
            )
            SymbolXray.objects.create(
                instrument=instrument, timeframe="1m", candle_open_time=self.begin, regime_since=self.begin,
                mean_range=0.003, updated_at=self.begin + timedelta(days=30),
            )  # fmt: skip

    def candle(self, row, column):
        market = self.market
        return Candle(
            *(float(getattr(market, name)[row, column]) for name in ("open", "high", "low", "close", "volume"))
        )

    def intents(self, column, at):
        rows = []
        for row, symbol in enumerate(self.market.symbols):
            last = self.candle(row, column - 1)
            for number, bot in enumerate(self.bots):
                if last.close > last.open and (column + number + row) % 2 == 0:
                    rows.append(self.intent(bot, symbol, "entry", min(last.close / last.open - 1, 0.1) * 10 + 0.1, at))
                elif last.close < last.open * 0.994:
                    rows.append(self.intent(bot, symbol, "exit", 1.0, at))
        Intent.objects.bulk_create(rows)

    def intent(self, bot, symbol, purpose, confidence, at):
        return Intent(
            bot=bot,
            config=bot.config,
            account=self.account,
            instrument=self.instruments[symbol],
            purpose=purpose,
            side="buy" if purpose == "entry" else "sell",
            confidence=confidence,
            created_at=at,
            expires_at=at + TIMEFRAME if purpose == "entry" else None,
        )

    def run(self):
        for column in range(1, self.market.open_time_ms.size):
            opened = open_time(int(self.market.open_time_ms[column]))
            quotes = [
                quotes_of(self.candle(row, column), self.specs[symbol], opened, TIMEFRAME, MODEL)
                for row, symbol in enumerate(self.market.symbols)
            ]
            self.intents(column, opened)
            for phase in zip(*quotes, strict=True):
                with clock_set(lambda at=phase[0].at: at):
                    account_execute(account_id=self.account.pk, quotes=phase)
            if column % 4 == 0 and enough(kinds_present(self.account)):
                return


@pytest.fixture
def paper(transactional_db, market, monkeypatch):
    monkeypatch.setattr(listeners, "_saved", [])  # pages, watchers and outcomes are not what is compared here
    monkeypatch.setattr(listeners, "_closed", [])
    run = PaperRun(market)
    run.run()
    return run


def replayed(account):
    rows = DecisionRecord.objects.filter(account=account).order_by("sequence").values_list("kind", "payload")
    return replay(
        rows, account_id=account.public_id, deployment_id=deployment_id(), quote_currency=account.quote_currency
    )


def kinds_present(account):
    """The trade kinds that make the comparison worth something."""
    positions, orders = Position.objects.filter(account=account), Order.objects.filter(account=account)
    fills = Counter(Fill.objects.filter(account=account).values_list("order_id", flat=True))
    closed = Counter(positions.filter(status="closed").values_list("close_reason", flat=True))
    return {
        "trades": sum(closed.values()),
        "orders filled in parts": sum(1 for count in fills.values() if count > 1),
        "maker time-outs": orders.filter(type="limit_maker", status="cancelled").count(),
        "taken after a time-out": orders.filter(side="buy", leg=1).count(),
        "entries given up": positions.filter(status="cancelled").count(),
        "dust taken over": positions.exclude(dust_moved=0).count(),
        "denials": Intent.objects.filter(account=account, status="denied").count(),
        "profit steps": positions.filter(steps_taken__gt=0).count(),
        "steps in": positions.filter(adds_taken__gt=0).count(),
        "stops trailing": positions.filter(stop_kind="trailing", close_reason="stop_loss").count(),
        "stops at the costs": positions.filter(stop_kind="breakeven", close_reason="stop_loss").count(),
        "profits taken as maker": orders.filter(side="sell", type="limit_maker", status="filled").count(),
        "makers that took the market": orders.filter(side="sell", type="market", leg__gt=0).count(),
        **closed,
    }


def enough(present):
    """Whether there are the trades wanted, and some of each kind."""
    return present["trades"] >= WANTED_TRADES and all(present.get(kind, 0) > 0 for kind in KINDS)


def test_paper_and_backtest_agree_to_the_last_digit(paper):
    account = paper.account
    present = kinds_present(account)
    print(present)
    assert enough(present), present

    state, results = replayed(account)

    assert orders_stored(account) == orders_replayed(results)
    assert fills_stored(account) == fills_replayed(results)
    assert positions_stored(account) == positions_replayed(results)
    assert ledger_stored(account) == ledger_replayed(results)
    stored = dict(Balance.objects.filter(account=account).values_list("currency", "total"))
    assert stored == state.balances
    decided = Intent.objects.filter(account=account).exclude(decided_at=None)
    assert dict(decided.values_list("public_id", "status")) == {k: v.status for k, v in results.decided.items()}

    assert risk_stored(account) == risk_replayed(results)
    rules = Counter(rule for rule, *_ in risk_stored(account).elements())
    print(rules)
    assert set(rules) >= RULES, RULES - set(rules)
    assert value_from(RiskBook, AccountLease.objects.get(account=account).risk) == state.risk
    books_hold(account, present)


def books_hold(account, present):
    """Invariants of the stored world."""
    sums: dict[str, Decimal] = {}
    for currency, amount in (
        LedgerEntry.objects.filter(account=account).order_by("id").values_list("currency", "amount")
    ):
        sums[currency] = sums.get(currency, D(0)) + amount
        assert sums[currency] >= 0, f"{currency} went negative"
    assert sums == dict(Balance.objects.filter(account=account).values_list("currency", "total"))
    positions = Position.objects.filter(account=account)
    closed = list(positions.filter(status="closed"))
    pnl, left_over = (sum((getattr(p, name) for p in closed), D(0)) for name in ("realised_pnl", "dust_cost"))
    opened = positions.filter(status__in=["opening", "open", "closing"])
    open_cash = sum((p.cash_part for p in opened), D(0))
    assert sums["USDT"] == account.paper_start_balance + pnl - left_over + open_cash
    assert left_over > 0 and sum((p.cost_moved for p in positions), D(0)) == 0


def risk_stored(account):
    rows = RiskEvent.objects.filter(bot__account=account).values_list("rule", "created_at", "bot__public_id", "level",
                                                                      "reason")  # fmt: skip
    return Counter(rows)


def risk_replayed(results):
    denied = [(e.rule, e.at, e.bot_id, 0, e.reason) for e in results.denied]
    return Counter(denied + [(e.rule, e.at, e.bot_id, e.level, e.reason) for e in results.tripped])


def orders_stored(account):
    columns = ("client_order_id", "leg", "side", "type", "amount", "price", "status", "filled", "cost", "created_at",
               "expires_at", "reason", "reference_price", "cancel_requested_at")  # fmt: skip
    return {row[0]: row[1:] for row in Order.objects.filter(account=account).values_list(*columns)}


def orders_replayed(results):
    return {
        key: (o.leg, o.side, o.type, o.amount, o.price, o.status, o.filled, o.cost, o.created_at, o.expires_at,
              o.reason, o.reference_price, o.cancel_asked_at)
        for key, o in results.orders.items()
    }  # fmt: skip


def fills_stored(account):
    columns = ("order__client_order_id", "trade_id", "side", "price", "amount", "fee", "fee_currency", "maker",
               "executed_at")  # fmt: skip
    return list(Fill.objects.filter(account=account).order_by("id").values_list(*columns))


def fills_replayed(results):
    return [
        (o.client_order_id, f.trade_id, o.side, f.price, f.amount, f.fee, f.fee_currency, f.maker, f.at)
        for o, f in results.fills
    ]


def positions_stored(account):
    columns = ("public_id", "bot__public_id", "instrument__symbol", "status", *POSITION_COLUMNS)
    return {row[0]: row[1:] for row in Position.objects.filter(account=account).values_list(*columns)}


def positions_replayed(results):
    return {
        key: (p.bot_id, p.symbol, p.status, *(getattr(p, name) for name in POSITION_COLUMNS))
        for key, p in results.positions.items()
    }


def ledger_stored(account):
    columns = ("reference", "currency", "amount", "kind", "at")
    return list(LedgerEntry.objects.filter(account=account).order_by("id").values_list(*columns))


def ledger_replayed(results):
    return [(e.reference, e.currency, e.amount, e.kind, e.at) for e in results.ledger]
