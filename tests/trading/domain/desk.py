"""An account in memory for tests of the engine: short ways to feed events and to look at what came of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid5

from trading.backtest.results import Results
from trading.brokers.paper import PaperBroker
from trading.domain.types import (
    AccountState,
    BotChanged,
    CashMoved,
    ClockMark,
    FillSeen,
    InstrumentSeen,
    InstrumentSpec,
    IntentTaken,
    OrderAnswered,
    OrderStatus,
    OrderType,
    Plan,
    PositionStatus,
    Purpose,
    Quote,
    QuoteSeen,
    Side,
)
from trading.runner import Runner

D = Decimal
START = datetime(2024, 3, 1, tzinfo=UTC)
NAMES = UUID(int=7)
BOT, OTHER_BOT = UUID(int=1), UUID(int=2)
BTC = InstrumentSpec("BTC/USDT", "BTC", "USDT", D("0.01"), D("0.001"), D("0.001"), None, D(5), D("0.001"), D("0.001"))
PLAN = Plan(
    config_id=UUID(int=3),
    confidence_threshold=D("0.4"),
    capital_per_trade=D(200),
    profit_target=D("0.01"),
    stop_loss=D("0.01"),
    holding_time=timedelta(seconds=600),
    entry_type=OrderType.MARKET,
    maker_timeout=timedelta(seconds=60),
    taker_after_timeout=False,
    max_positions=2,
    max_drawdown=D("0.2"),
    max_spread=D("0.01"),
)


class Silent:
    """A broker that answers nothing: tests say what an exchange answers."""

    def __init__(self):
        self.sent, self.cancelled = [], []

    def submit(self, order, instrument):
        self.sent.append(order.client_order_id)
        return []

    def submit_ahead(self, order):
        pass

    cancel_ahead = submit_ahead

    def cancel(self, order, instrument):
        self.cancelled.append(order.client_order_id)
        return []

    def recover(self, order, instrument):
        return []

    def market(self, event):
        return []


class Desk:
    """One account, BTC/USDT and 1,000 USDT, with a paper broker (or a silent one)."""

    def __init__(self, *, paper=True, cash=1000, plan=PLAN, **changes):
        self.now = START
        self.state = AccountState(UUID(int=9), "tests", "USDT")
        self.broker = PaperBroker({}, {}) if paper else Silent()
        self.results = Results()
        self.runner = Runner(self.state, self.broker, self.results)
        self.count = 0
        self.feed(CashMoved(self.now, "USDT", D(cash), "start"))
        self.feed(InstrumentSeen(self.now, BTC))
        self.bot(plan=replace(plan, **changes))

    def feed(self, *events):
        for event in events:
            self.runner.feed(event)
        return self

    def bot(self, bot_id=BOT, plan=PLAN, running=True, stop=0, barred=""):
        return self.feed(BotChanged(self.now, bot_id, plan, running, stop, barred))

    def later(self, seconds):
        self.now += timedelta(seconds=seconds)
        return self

    def quote(self, bid, ask=None, size=1000, symbol="BTC/USDT"):
        bid = D(str(bid))
        ask = bid + D("0.01") if ask is None else D(str(ask))
        return self.feed(QuoteSeen(self.now, Quote(symbol, bid, ask, D(str(size)), D(str(size)), self.now)))

    def mark(self, seconds=0):
        self.later(seconds)
        return self.feed(ClockMark(self.now))

    def intent(self, purpose=Purpose.ENTRY, bot_id=BOT, **values):
        self.count += 1
        intent_id = values.pop("intent_id", uuid5(NAMES, str(self.count)))
        side = Side.BUY if purpose.is_entry else Side.SELL
        symbol = values.pop("symbol", "BTC/USDT")
        self.feed(IntentTaken(self.now, intent_id, bot_id, symbol, side, purpose, **values))
        return intent_id

    def answer(self, order, status=OrderStatus.ACTIVE, reason=""):
        return self.feed(OrderAnswered(self.now, order, status, reason=reason))

    def fill(self, order, amount, price=100, trade_id="t1", fee=0, fee_currency="USDT", maker=False):
        numbers = (D(str(value)) for value in (price, amount, fee))
        return self.feed(FillSeen(self.now, order, trade_id, *numbers, fee_currency, maker))

    def decision(self, intent_id):
        decided = self.results.decided.get(intent_id)
        return (decided.status, decided.reason) if decided else None

    @property
    def position(self):
        (position,) = self.state.positions.values()
        return position

    @property
    def order(self):
        (order,) = self.state.orders.values()
        return order

    @property
    def last(self):
        """The position that came up last."""
        return list(self.results.positions.values())[-1]


def books_hold(desk):
    """Invariants that hold after any events."""
    state, results = desk.state, desk.results
    sums: dict[str, Decimal] = {}
    for entry in results.ledger:
        sums[entry.currency] = sums.get(entry.currency, D(0)) + entry.amount
    assert sums == {currency: total for currency, total in state.balances.items() if currency in sums}
    for position in results.positions.values():
        fills = [(o, f) for o, f in results.fills if o.position_id == position.position_id]
        held = D(0)
        for order, fill in fills:
            held += fill.amount if order.side is Side.BUY else -fill.amount
            held -= fill.fee if fill.fee_currency == "BTC" and order.side is Side.BUY else 0
        assert held + position.dust_moved == position.amount + position.dust + position.gone, position
    moved = sum((p.dust_moved for p in results.positions.values()), D(0))
    assert moved == 0, "dust is handed on, never made or lost"
    assert sum((p.cost_moved for p in results.positions.values()), D(0)) == 0, "so is what it has cost"
    for position in results.positions.values():
        if position.status in (PositionStatus.CLOSED, PositionStatus.CANCELLED):
            kept = position.dust_cost + position.gone_cost
            spent = position.buy_cost + position.cost_moved - kept + position.fees_cash
            assert position.realised_pnl == position.sell_proceeds - spent, position
    pairs = [(p.bot_id, p.symbol) for p in state.positions.values()]
    assert len(pairs) == len(set(pairs)), "two open positions of one bot in one instrument"
    assert len({(o.symbol, f.trade_id) for o, f in results.fills}) == len(results.fills)
    for order in results.orders.values():
        assert order.filled == sum(
            (f.amount for o, f in results.fills if o.client_order_id == order.client_order_id), D(0)
        )
