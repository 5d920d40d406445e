"""Routes, values and returns against oracles that try everything, slowly."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from fractions import Fraction
from itertools import permutations
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.domain.deposit.returns import flow_value, growth_next, period_return
from trading.domain.deposit.routes import BRIDGES, OLDEST_QUOTE, Pair, routes_build
from trading.domain.deposit.valuation import Unpriced, account_value

AT = datetime(2026, 7, 1, 12, tzinfo=UTC)
NAMES = ("SOL", "XYZ", "BTC", "ETH", "USDT", "USDC")


def quoted(bid, ask=None, age_s=0):
    return SimpleNamespace(bid=D(bid), ask=D(ask if ask is not None else bid), at=AT - timedelta(seconds=age_s))


def value_of(amounts, pairs, quotes, target="USDT", **more):
    routes = routes_build([Pair(name, *name.split("/"), volume) for name, volume in pairs], target, quotes.get)
    return account_value({name: D(amount) for name, amount in amounts.items()}, routes=routes, quote_of=quotes.get,
                         at=AT, **more)  # fmt: skip


def test_the_more_liquid_way_is_taken_and_its_oldest_leg_told():
    pairs = [("SOL/USDT", 1000.0), ("SOL/BTC", 50.0), ("BTC/USDT", 9e6)]
    quotes = {"SOL/USDT": quoted(90), "SOL/BTC": quoted("0.002", age_s=40), "BTC/USDT": quoted(50000, age_s=7)}
    (line,) = value_of({"SOL": 2}, pairs, quotes).lines  # 50 BTC are 2.5 million USDT: more than 1,000
    assert (line.route, line.price, line.value) == (("SOL", "BTC", "USDT"), 100, 200)
    assert line.at == AT - timedelta(seconds=40)
    (line,) = value_of({"SOL": 2}, [*pairs[1:], ("SOL/USDT", 3e6)], quotes).lines
    assert (line.route, line.value) == (("SOL", "USDT"), 180)
    (line,) = value_of({"SOL": 2}, [pairs[0], pairs[1], ("BTC/USDT", 999.0)], quotes).lines
    assert line.route == ("SOL", "USDT")  # the weakest leg counts


def test_the_other_way_round_the_ask_is_paid():
    quotes = {"BTC/USDT": quoted(49000, 50000), "USDT/TRY": quoted(39, 40), "USDC/USDT": quoted("0.99", "1.25")}
    pairs = [(name, 1e6) for name in quotes]
    assert value_of({"USDT": 100}, pairs, quotes, "BTC").equity == D("0.002")
    assert value_of({"TRY": 80}, pairs, quotes).equity == 2
    assert value_of({"BTC": 1}, pairs, quotes, "USDC").equity == 39200


@pytest.mark.parametrize(
    "quote",
    [None, quoted(-1), quoted("NaN"), quoted("1", "NaN"), quoted("Infinity"), quoted(0), quoted(2, 1), quoted(1, 0),
     quoted(1, age_s=OLDEST_QUOTE.total_seconds() + 1)],
)  # fmt: skip
def test_a_quote_that_is_none_is_not_used(quote):
    quotes = {"SOL/USDT": quote} if quote else {}
    worth = value_of({"SOL": 5, "USDT": 7}, [("SOL/USDT", 1e6)], quotes)
    assert (worth.equity, worth.unpriced, worth.waits) == (7, ["SOL"], True)
    quotes |= {"SOL/BTC": quoted("0.002"), "BTC/USDT": quoted(50000)}
    worth = value_of({"SOL": 5, "USDT": 7}, [("SOL/USDT", 1e6), ("SOL/BTC", 1.0), ("BTC/USDT", 9.0)], quotes)
    assert (worth.equity, worth.unpriced, worth.waits) == (507, [], False)  # the next best way


def test_a_token_without_a_way_is_listed_and_never_zero():
    pairs = [("SOL/SOL", 9e9), ("SOL/XYZ", 9e9), ("XYZ/SOL", 9e9), ("sol/USDT", 9e9), ("BTC/USDT", float("nan"))]
    quotes = {name: quoted(3) for name, _volume in pairs}
    worth = value_of({"SOL": 5, "BTC": "1e-8", "ETH": 0, "USDT": 1}, pairs, quotes, locked={"BTC": D("1e-9")})
    sol = worth.lines[-1]
    assert (sol.currency, sol.value, sol.price, sol.why) == ("SOL", None, None, Unpriced.NO_ROUTE)
    assert (worth.equity, worth.cash, worth.in_coins, worth.waits) == (D("1.00000003"), 1, D("0.00000003"), False)
    assert [line.locked for line in worth.lines if line.currency == "BTC"] == [D("1e-9")] and len(worth.lines) == 3
    with pytest.raises(ValueError, match="NaN SOL"):
        value_of({"SOL": "NaN"}, [], {})


MARKETS = st.lists(
    st.tuples(st.permutations(NAMES), st.integers(0, 9), st.integers(1, 60), st.integers(0, 9), st.integers(0, 400)),
    max_size=14,
)


@settings(max_examples=60, deadline=None)
@given(MARKETS)
def test_as_an_oracle_that_walks_every_way(rows):
    pairs, quotes = {}, {}
    for names, volume, bid, spread, age in rows:
        symbol = f"{names[0]}/{names[1]}"
        pairs[symbol], quotes[symbol] = float(volume), quoted(bid, bid + spread, age)
    worth = value_of(dict.fromkeys(NAMES, 3), list(pairs.items()), quotes)
    for line in worth.lines:
        best = {line.currency: Fraction(1)} if line.currency == "USDT" else oracle(line.currency, pairs, quotes)
        if line.price is None:
            assert not best
        else:
            near = [float(price) for price in best.values()]
            assert float(line.price) == pytest.approx(min(near, key=lambda one: abs(one - float(line.price))))


def oracle(start, pairs, quotes):
    """Prices of the most liquid usable ways, in fractions, found by trying every order of every currency."""

    def step(a, b):
        for symbol in pairs:
            base, quote = symbol.split("/")
            row = quotes[symbol]
            if (base, quote) == (a, b):
                yield symbol, Fraction(row.bid), Fraction(pairs[symbol])
            elif (base, quote) == (b, a):
                yield symbol, 1 / Fraction(row.ask), Fraction(pairs[symbol]) / Fraction(row.ask)

    def fresh(symbol):
        return AT - quotes[symbol].at <= OLDEST_QUOTE

    ways = {}
    for size in (0, 1):
        for middle in permutations(BRIDGES, size):
            stops = [start, *middle, "USDT"]
            if len(set(stops)) < len(stops):
                continue
            for name, price, depth in step(stops[0], stops[1]):
                if size == 0:
                    ways[(name,)] = (price, depth)
                    continue
                onward = list(step(stops[1], "USDT"))
                worth = max(onward, key=lambda way: (pairs[way[0]], [-ord(c) for c in way[0]]), default=(0, 0, 0))[1]
                for other, rate, deep in onward:
                    ways[name, other] = (price * rate, min(depth * worth, deep))
    usable = {way: found for way, found in ways.items() if all(map(fresh, way))}
    most = max((depth for _price, depth in usable.values()), default=0)
    return {way: price for way, (price, depth) in usable.items() if depth >= most * Fraction(999999, 1000000)}


STEPS = st.lists(st.tuples(st.integers(-60, 90), st.integers(-400, 900)), min_size=1, max_size=12)


@settings(max_examples=80, deadline=None)
@given(STEPS)
def test_the_return_is_that_of_the_units_whatever_is_paid_in_or_out(steps):
    """Slow oracle: a fund of units, bought and sold at their price; its price is the return."""
    unit, units, growth, before = Fraction(1), Fraction(1000), D(1), D(1000)
    for percent, flow in steps:
        if flow > 0:  # in at the beginning of the part
            units += Fraction(flow) / unit
        unit *= 1 + Fraction(percent, 100)
        if flow < 0:  # out at its end, never everything
            flow = -min(-flow, int(units * unit) - 1)
            if flow >= 0:
                flow = 0
            units += Fraction(flow) / unit
        after = D((units * unit).numerator) / D((units * unit).denominator)
        growth, before = growth_next(growth, before, after, D(flow)), after
    assert float(period_return(D(1), growth)) == pytest.approx(float(unit) - 1, rel=1e-9, abs=1e-9)


def test_a_return_needs_something_to_begin_with():
    assert growth_next(D("1.5"), D(0), D(100), D(100)) == D("1.5")  # a first deposit earns nothing
    assert growth_next(D("1.5"), D(100), D(0), D(-100)) == D("1.5")
    assert growth_next(D("1.5"), D(-3), D(10), D(0)) == D("1.5")
    assert round(growth_next(D(1), D("0.01"), D(999), D(1000)), 9) == D("0.998990010")  # dust before, a loss after


def test_what_gets_a_price_or_loses_it_is_no_profit():
    prices = {"USDT": D(1), "BTC": D(50), "NEW": D(2)}
    known, held = {"USDT": D(9), "BTC": D(100), "NEW": None, "OLD": D(30)}, {"USDT": D(9), "NEW": D(8), "OLD": None}
    assert flow_value({"BTC": D(-2), "USDT": D(5), "OLD": D(7), "GIFT": D(1)}, known, held, prices) == 8 - 30 - 100 + 5
    assert flow_value({"NEW": D(4)}, None, held, prices) == 8
    assert flow_value({}, known, {"USDT": D(9)}, prices) == 0  # sold, not lost
