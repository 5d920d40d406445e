"""Whatever happens in whatever order: the books hold, and what touches nothing changes nothing."""

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trading.domain.desk import BOT, OTHER_BOT, PLAN, Desk, books_hold
from trading.domain.engine import step
from trading.domain.exits import touches
from trading.domain.records import event_from, event_kind, event_payload, value_from, value_payload
from trading.domain.riskbook import RiskBook
from trading.domain.running import due
from trading.domain.types import (
    AddStep,
    ClockMark,
    Limits,
    OrderStatus,
    OrderType,
    PlanLevels,
    ProfitStep,
    Purpose,
    Quote,
    QuoteSeen,
)

PRICES = st.integers(min_value=9500, max_value=10500).map(lambda cents: D(cents) / 100)
SIZES = st.sampled_from(["0", "0.3", "1", "1000"])
ALL_LEVELS = PlanLevels(
    trailing=D("0.01"),
    trailing_after=D("0.01"),
    breakeven_after=D("0.005"),
    profit_steps=(ProfitStep(D("0.005"), D("0.3")), ProfitStep(D("0.015"), D("0.3"))),
    add_steps=(AddStep(D("0.005"), D("0.5")), AddStep(D("0.015"), D(1))),
)
STRICT = Limits(
    daily_loss=D("0.002"),
    on_breach=3,
    loss_streak=1,
    pause=timedelta(seconds=90),
    cooldown=timedelta(seconds=20),
    max_slippage=D("0.001"),
    orders_per_minute=4,
    stale_after=timedelta(seconds=100),
)
PLANS = st.sampled_from(
    [
        replace(PLAN, limits=STRICT, max_drawdown=D("0.004")),
        replace(PLAN, entry_type=OrderType.LIMIT_MAKER, taker_after_timeout=True, limits=replace(STRICT, on_breach=1)),
        PLAN,
        replace(PLAN, entry_type=OrderType.LIMIT_MAKER),
        replace(PLAN, entry_type=OrderType.LIMIT_MAKER, taker_after_timeout=True),
        replace(PLAN, profit_target=D("0.04"), stop_loss=D("0.03"), levels=ALL_LEVELS),
        replace(PLAN, profit_target=D("0.04"), stop_loss=D("0.03"), levels=replace(ALL_LEVELS, maker_exit=True)),
    ]
)
BOTS = st.sampled_from([BOT, OTHER_BOT])
QUOTES = st.tuples(st.just("quote"), PRICES, SIZES)
PAPER_ACTS = st.one_of(
    QUOTES,
    st.tuples(st.just("mark"), st.integers(0, 400)),
    st.tuples(st.just("intent"), st.sampled_from([Purpose.ENTRY, Purpose.EXIT, Purpose.FORCE_EXIT]), BOTS),
    st.tuples(st.just("reduce"), st.sampled_from(["0.01", "0.4", "1"]), BOTS),
    st.tuples(st.just("bot"), BOTS, st.booleans(), st.integers(0, 3)),
)
ANSWERS = st.sampled_from([s for s in OrderStatus if s is not OrderStatus.PENDING])
WILD_ACTS = st.one_of(
    PAPER_ACTS,
    st.tuples(st.just("answer"), st.integers(0, 5), ANSWERS),
    st.tuples(st.just("fill"), st.integers(0, 5), st.sampled_from(["0.1", "0.7", "1.999"]), PRICES, st.integers(0, 30)),
)


def act(desk, what, *values):
    if what == "quote":
        desk.later(1).quote(values[0], size=values[1])
    elif what == "mark":
        desk.mark(values[0])
    elif what == "intent":
        desk.intent(values[0], bot_id=values[1])
    elif what == "reduce":
        desk.intent(Purpose.REDUCE, bot_id=values[1], share=D(values[0]))
    elif what == "bot":
        desk.bot(values[0], desk.state.bots[values[0]].plan, values[1], values[2])
    else:
        orders = list(desk.results.orders)
        if not orders:
            return
        order = orders[values[0] % len(orders)]
        if what == "answer":
            desk.answer(order, values[1])
        else:
            desk.fill(order, values[1], values[2], trade_id=f"t{values[3]}", fee="0.0001", fee_currency="BTC")


def ran(acts, plan, **kind):
    desk = Desk(plan=plan, **kind).bot(OTHER_BOT, plan)
    for one in acts:
        act(desk, *one)
        assert all(total >= 0 for total in desk.state.balances.values()) or not kind.get("paper", True)
        if kind.get("paper", True):
            sales_hold(desk)
    return desk


def sales_hold(desk):
    """Never more on sale than is held, and one live order an intent."""
    for position in desk.state.positions.values():
        selling = [o for o in desk.state.orders.values() if o.position_id == position.position_id and o.side == "sell"]
        assert sum(o.remaining for o in selling) <= position.amount
    intents = [o.intent_id for o in desk.state.orders.values()]
    assert len(intents) == len(set(intents))


@settings(max_examples=150, deadline=None)
@given(st.lists(PAPER_ACTS, max_size=40), PLANS)
def test_paper_books_hold_and_nothing_goes_negative(acts, plan):
    desk = ran(acts, plan)
    books_hold(desk)
    assert set(desk.broker.open_ids()) == set(desk.state.orders)


@settings(max_examples=250, deadline=None)
@given(st.lists(WILD_ACTS, max_size=40), PLANS)
def test_books_hold_whatever_an_exchange_answers(acts, plan):
    books_hold(ran(acts, plan, paper=False))


@settings(max_examples=100, deadline=None)
@given(st.lists(WILD_ACTS, max_size=30), PLANS, QUOTES)
def test_a_quote_or_mark_that_touches_nothing_changes_nothing(acts, plan, shown):
    desk = ran(acts, plan, paper=False)
    size = D(shown[2])
    quote = Quote("BTC/USDT", shown[1], shown[1] + D("0.01"), size, size, desk.now)
    for event, active in (
        (QuoteSeen(desk.now, quote), touches(desk.state, quote)),
        (ClockMark(desk.now), due(desk.state, desk.now)),
    ):
        if active:
            continue
        after = deepcopy(desk.state)
        assert step(after, event) == []
        after.quotes.clear()
        before = deepcopy(desk.state)
        before.quotes.clear()
        assert after == before


@settings(max_examples=100, deadline=None)
@given(st.lists(WILD_ACTS, max_size=30), PLANS)
def test_a_repeated_fill_or_answer_changes_nothing(acts, plan):
    desk = ran(acts, plan, paper=False)
    before = deepcopy(desk.state)
    for _, fill in desk.results.fills:
        desk.feed(fill)
    assert desk.state == before


@settings(max_examples=60, deadline=None)
@given(st.lists(PAPER_ACTS, max_size=30), PLANS)
def test_the_same_events_as_records_give_the_same_world(acts, plan):
    events = []
    desk = Desk(plan=plan)
    original, desk.runner.feed = desk.runner.feed, lambda event: (events.append(event), original(event))
    desk.bot(OTHER_BOT, plan)
    for one in acts:
        act(desk, *one)
    again = Desk(plan=plan)
    for event in events:
        copy = event_from(event_kind(event), event_payload(event))
        assert copy == event
        again.feed(copy)
    assert again.state == desk.state
    assert value_from(RiskBook, value_payload(desk.state.risk)) == desk.state.risk
    assert again.results.orders == desk.results.orders
