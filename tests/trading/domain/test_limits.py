"""Every rule of risk at its boundary: on this side the entry goes, on the other it is refused by that rule."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D
from pathlib import Path
from uuid import UUID

import pytest

from tests.trading.domain.desk import BOT, BTC, OTHER_BOT, PLAN, START, Desk
from trading.domain import risk
from trading.domain.risk.slippage import expected
from trading.domain.types import (
    AccountLimits,
    InstrumentSeen,
    Limits,
    LimitsSeen,
    OrderType,
    Purpose,
    Quote,
    QuoteSeen,
    Sizing,
)

ETH = replace(BTC, symbol="ETH/USDT", base="ETH")
S = timedelta(seconds=1)


def desk(cash=10_000, limits=None, account=None, **plan):
    """A desk with limits, at a price of 100."""
    made = Desk(cash=cash, plan=replace(PLAN, limits=Limits(**(limits or {}))), **plan)
    made.feed(LimitsSeen(made.now, AccountLimits(**(account or {}))))
    return made.quote(100)


def held(after=100, **kwargs):
    """One position of 200 USDT, the price now at `after`; its bot may hold more and never sells by itself."""
    made = desk(stop_loss=D("0.9"), holding_time=timedelta(days=9), profit_target=D("9"), **kwargs)
    made.feed(InstrumentSeen(made.now, ETH)).quote(100, symbol="ETH/USDT")
    made.intent()
    made.later(5).quote(after).quote(100, symbol="ETH/USDT")
    return made


def eth(made, **values):
    return made.intent(symbol="ETH/USDT", **values)


def traded(made, price, bot=BOT):
    """A whole trade that sells at `price`."""
    made.quote(100).intent(bot_id=bot)
    made.later(1).quote(price).intent(Purpose.EXIT, bot_id=bot)
    return made


def slipped(count):
    """So many fills one per cent worse than decided: the price moves right after the decision."""
    made = desk(limits={"max_slippage": D("0.005"), "pause": 60 * S}, max_positions=99)
    for _ in range(count):
        made.state.risk.slips.setdefault(BOT, []).append(D("0.01"))
    made.state.risk.slips[BOT].pop()
    traded(made, 100)  # its two fills cost nothing: the average is asked about, with those before
    return made.quote(100)


# A rule -> what is allowed, what is refused; each makes a desk, asks for an entry and gives back both.
CASES = {
    "stop_ladder": (lambda: ask(desk()), lambda: ask(desk().bot(stop=1))),
    "expiry": (lambda: ask(desk(), expires_at=START + S), lambda: ask(desk(), expires_at=START)),
    "confidence": (lambda: ask(desk(), confidence=D("0.4")), lambda: ask(desk(), confidence=D("0.399"))),
    "signal_age": (
        lambda: ask(desk(limits={"signal_age": 60 * S}), candle_at=START - 60 * S),
        lambda: ask(desk(limits={"signal_age": 60 * S}), candle_at=START - 61 * S),
    ),
    "one_position": (lambda: ask(held(), "ETH/USDT"), lambda: ask(held())),
    "max_positions": (lambda: ask(held(max_positions=2), "ETH/USDT"), lambda: ask(held(max_positions=1), "ETH/USDT")),
    "quote_age": (
        lambda: ask(old(desk(account={"quote_age": 5 * S}), 5)),
        lambda: ask(old(desk(account={"quote_age": 5 * S}), 6)),
    ),
    "spread": (
        lambda: ask(desk(max_spread=D("0.02")).quote(99, 101)),
        lambda: ask(desk(max_spread=D("0.02")).quote(99, "101.01")),
    ),
    "price_band": (
        lambda: ask(desk(max_spread=D("0.1"), limits={"price_band": D("0.01")}).quote(100, 101), candle_close=D(100)),
        lambda: ask(
            desk(max_spread=D("0.1"), limits={"price_band": D("0.01")}).quote(100, "101.01"), candle_close=D(100)
        ),
    ),
    "stale_data": (lambda: ask(unseen(120), "ETH/USDT"), lambda: ask(unseen(121), "ETH/USDT")),
    "minimum_deposit": (
        lambda: ask(desk(cash=50, account={"minimum_deposit": D(50)}, capital_per_trade=D(20))),
        lambda: ask(desk(cash=50, account={"minimum_deposit": D("50.01")}, capital_per_trade=D(20))),
    ),
    "drawdown": (
        lambda: ask(held("50.4", cash=1000, max_drawdown=D("0.1")), "ETH/USDT"),
        lambda: ask(held(50, cash=1000, max_drawdown=D("0.1")), "ETH/USDT"),
    ),
    "daily_loss": (
        lambda: ask(held("50.4", cash=1000, limits={"daily_loss": D("0.1")}), "ETH/USDT"),
        lambda: ask(held(50, cash=1000, limits={"daily_loss": D("0.1")}), "ETH/USDT"),
    ),
    "account_loss": (
        lambda: ask(held("50.4", cash=1000, account={"daily_loss": D("0.1")}).bot(OTHER_BOT), bot_id=OTHER_BOT),
        lambda: ask(held(50, cash=1000, account={"daily_loss": D("0.1")}).bot(OTHER_BOT), bot_id=OTHER_BOT),
    ),
    "loss_streak": (lambda: ask(streak(2)), lambda: ask(streak(3))),
    "slippage_average": (lambda: ask(slipped(5)), lambda: ask(slipped(9))),
    "cooldown": (lambda: ask(cooled(60)), lambda: ask(cooled(59))),
    "order_rate": (lambda: ask(rated(60)), lambda: ask(rated(59))),
    "volatility": (
        lambda: ask(desk(limits={"sizing": Sizing.VOLATILITY, "equity_share": D("0.1")}), volatility=D("0.01")),
        lambda: ask(desk(limits={"sizing": Sizing.VOLATILITY, "equity_share": D("0.1")})),
    ),
    "size": (lambda: ask(desk(capital_per_trade=D("5.3"))), lambda: ask(desk(capital_per_trade=D("5.1")))),
    "capital": (lambda: ask(desk(cash="200.3")), lambda: ask(desk(cash=200))),
    "coin_exposure": (
        lambda: ask(held(cash=1000, account={"coin_exposure": D("0.41")}).bot(OTHER_BOT), bot_id=OTHER_BOT),
        lambda: ask(held(cash=1000, account={"coin_exposure": D("0.39")}).bot(OTHER_BOT), bot_id=OTHER_BOT),
    ),
    "group_exposure": (lambda: ask(grouped("BTC"), "ETH/USDT"), lambda: ask(grouped("BTC", "0.39"), "ETH/USDT")),
    "slippage": (
        lambda: ask(desk(limits={"max_slippage": D("0.00005")}).quote(100, size=1)),
        lambda: ask(desk(limits={"max_slippage": D("0.00004")}).quote(100, size=1)),
    ),
    "capacity": (
        lambda: ask(desk(), capacity=D("200")),
        lambda: ask(desk(), capacity=D("199.9")),
    ),
}


def ask(made, symbol="BTC/USDT", **values):
    made.quote(*shown(made, symbol)) if symbol in made.state.quotes and "ETH" in symbol else None
    return made, made.intent(symbol=symbol, **values)


def shown(made, symbol):
    quote = made.state.quotes[symbol]
    return quote.bid, quote.ask, quote.bid_size, symbol


def old(made, seconds):
    quote = Quote("BTC/USDT", D(100), D("100.01"), D(9), D(9), made.now - seconds * S)
    return made.feed(QuoteSeen(made.now, quote))


def unseen(seconds):
    """BTC is held and shows no price any more, noticed by a mark; ETH still does."""
    made = held(limits={"stale_after": 120 * S})
    del made.state.quotes["BTC/USDT"]
    made.mark()
    return made.later(seconds).quote(100, symbol="ETH/USDT")


def streak(losses):
    made = desk(limits={"loss_streak": 3, "pause": 60 * S})
    for _ in range(losses):
        traded(made, 99)
    return made.quote(100)


def cooled(seconds):
    made = traded(desk(limits={"cooldown": 60 * S}), 101)
    return made.later(seconds).quote(100)


def rated(seconds):
    """One entry and one exit, a second apart, count as two of two."""
    made = traded(desk(limits={"orders_per_minute": 2}), 101)
    return made.later(seconds - 1).quote(100)


def grouped(group, allowed="0.41"):
    made = held(cash=1000, account={"group_exposure": D(allowed)})
    for spec in (BTC, ETH):
        made.feed(InstrumentSeen(made.now, replace(spec, group=group)))
    return made


@pytest.mark.parametrize("rule", CASES)
def test_on_this_side_of_its_limit_an_entry_goes_and_on_the_other_it_is_refused(rule):
    allowed, refused = CASES[rule]
    made, intent = allowed()
    assert [d for d in made.results.denied if d.intent_id == intent] == []
    assert intent in {order.intent_id for order in made.results.orders.values()}
    made, intent = refused()
    (denied,) = [d for d in made.results.denied if d.intent_id == intent]
    assert denied.rule == rule
    assert denied.reason.endswith(".")


def test_every_rule_has_its_file_its_place_and_its_boundary():
    files = {path.stem for path in Path(risk.__file__).parent.glob("*.py")} - {"__init__", "view"}
    asked = {rule.__module__.rpartition(".")[2] for rule in risk.RULES}
    assert files == asked == set(CASES)
    assert len(risk.RULES) == len(files)


@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_daily_loss_takes_back_entries_and_flattens_where_it_is_asked_to(level):
    made = held(limits={"daily_loss": D("0.01"), "on_breach": level}, max_positions=3)
    made.bot(BOT, replace(made.state.bots[BOT].plan, entry_type=OrderType.LIMIT_MAKER))
    eth(made)
    made.later(1).quote(40).mark()
    (trip,) = made.results.tripped
    assert (trip.rule, trip.level, trip.reason) == (
        "daily_loss",
        level,
        "The bot lost 1.2 % of the account today (UTC); 1 % are allowed.",
    )
    entry = next(order for order in made.results.orders.values() if order.symbol == "ETH/USDT")
    assert entry.status == "cancelled"
    assert entry.reason.startswith("A limit was reached: The bot lost 1.2 %")
    assert (made.last.status == "closed" or not made.state.positions) is (level == 3)


def test_a_daily_loss_holds_for_the_day_though_the_price_recovers_and_is_over_at_midnight():
    made = held(cash=1000, limits={"daily_loss": D("0.1")})
    made.quote(50).mark()
    made.later(5).quote(100).mark()
    plan = made.state.bots[BOT].plan
    made.bot(BOT, replace(plan, limits=replace(plan.limits, daily_loss=D("0.5"))))  # changed: too late for today
    status, reason = made.decision(eth(made))
    assert status == "denied" and "10 % are allowed. It holds until 00:00 UTC, whatever the limit is now" in reason
    made.now = datetime(2024, 3, 2, tzinfo=UTC)
    made.quote(100).quote(100, symbol="ETH/USDT").mark()
    assert made.state.risk.day == date(2024, 3, 2)
    assert made.decision(eth(made)) == ("done", "")
    assert len(made.results.tripped) == 1


def test_what_was_lost_before_midnight_is_not_todays_loss():
    made = held(cash=1000, limits={"daily_loss": D("0.1")}, max_drawdown=D("0.9"))
    made.now = datetime(2024, 3, 2, tzinfo=UTC)
    made.quote(60).quote(100, symbol="ETH/USDT").mark()
    made.later(5).quote(20).quote(100, symbol="ETH/USDT").mark()
    assert not made.results.tripped
    made.later(5).quote(13).mark()
    assert [trip.rule for trip in made.results.tripped] == ["daily_loss"]


def test_drawdown_is_over_when_the_account_recovers_or_its_owner_counts_anew():
    made = held(50, cash=1000, max_drawdown=D("0.1")).mark()
    assert [trip.rule for trip in made.results.tripped] == ["drawdown"]
    made.later(1).quote(100).mark()
    assert made.decision(eth(made)) == ("done", "")
    made = held(50, cash=1000, max_drawdown=D("0.1")).mark()
    made.feed(LimitsSeen(made.now, AccountLimits(counted_from=made.now))).mark()
    assert made.decision(eth(made)) == ("done", "")


def test_a_pause_after_losses_ends():
    made = streak(3)
    assert [trip.rule for trip in made.results.tripped] == ["loss_streak"]
    assert made.decision(made.intent())[0] == "denied"
    made.later(60).quote(100)
    assert made.decision(made.intent()) == ("done", "")


def test_a_stop_loss_cools_down_longer_than_a_trade():
    made = desk(limits={"cooldown": 10 * S, "stop_cooldown": 100 * S})
    made.intent()
    made.later(1).quote(90).quote(90)
    assert made.last.close_reason == "stop_loss"
    made.later(99).quote(100)
    assert made.decision(made.intent())[1] == "The last stop loss in BTC/USDT was too short ago: 2 s are left."
    made.later(2).quote(100)
    assert made.decision(made.intent()) == ("done", "")


@pytest.mark.parametrize(
    ("limits", "values", "spent"),
    [
        ({}, {}, 200),
        ({"sizing": Sizing.EQUITY, "equity_share": D("0.05")}, {}, 500),
        # The stop is 1 % away: 0.1 % of 10,000 are 1,000 bought.
        ({"sizing": Sizing.VOLATILITY, "risk_per_trade": D("0.001")}, {"volatility": D("0.001")}, 1000),
        # A range of 4 % is wider: a quarter of that.
        ({"sizing": Sizing.VOLATILITY, "risk_per_trade": D("0.001")}, {"volatility": D("0.04")}, 250),
        (
            {"sizing": Sizing.VOLATILITY, "risk_per_trade": D("0.001"), "equity_share": D("0.03")},
            {"volatility": D("0.001")},
            300,
        ),
        ({"sizing": Sizing.EQUITY, "equity_share": D("0.05")}, {"amount_quote": D(50)}, 50),
    ],
)
def test_sizes(limits, values, spent):
    made = desk(limits=limits)
    purpose = Purpose.MANUAL_ENTRY if "amount_quote" in values else Purpose.ENTRY
    made.intent(purpose, **values)
    (order,) = made.results.orders.values()
    assert spent - D("0.2") < order.amount * D("100.01") <= spent


def test_expected_slippage_by_hand():
    quote = Quote("BTC/USDT", D(99), D(100), D(2), D(2), START)  # two at 100, two at 101, two at 102, ...
    for amount, worse in ((1, 0), (2, 0), (4, D("0.005")), (3, D(1) / 3 / 100), (6, D("0.01"))):
        assert abs(expected(D(amount), quote, BTC) - worse) < D("1e-10")
    assert expected(D(1), replace(quote, ask_size=D(0)), BTC) is None


def test_a_late_fill_after_the_closing_moves_the_day_by_what_it_changed():
    made = traded(desk(), 101)
    day = made.state.risk.booked[BOT]
    assert day == made.last.realised_pnl > 0
    assert made.state.risk.base == {}
    cost = made.last.dust_cost
    exit_order = next(o for o in made.results.orders.values() if o.side == "sell")
    made.fill(exit_order.client_order_id, "0.0001", 50, trade_id="late")
    assert made.state.risk.booked[BOT] == made.last.realised_pnl == day + D("0.005") - (cost - made.last.dust_cost)


def test_another_bots_trades_count_for_the_account_only():
    made = desk(cash=1000).bot(OTHER_BOT)
    traded(made, 90, OTHER_BOT)
    assert set(made.state.risk.booked) == {OTHER_BOT}
    assert made.state.risk.streaks == {OTHER_BOT: 1}
    assert UUID(int=2) == OTHER_BOT
