"""Every filter alone: its rule, both ends of its bounds, missing data, ties, nobody at all."""

from datetime import UTC, datetime

import numpy as np
import pytest

from signals.candles.matrix import CandleTable
from signals.domain.selection import REGISTRY, FilterError, filter_of
from signals.domain.selection.base import NAN
from signals.domain.selection.trouble import Trouble
from tests.signals.domain.selection.worlds import DAY, NOW, coin, sieve, symbols, table

ALL = [*REGISTRY.values(), Trouble()]


@pytest.mark.parametrize("rules", ALL, ids=lambda one: one.kind)
def test_every_filter_has_valid_defaults_words_and_takes_nobody(rules):
    assert rules.title and rules.help.endswith(".") and rules.missing
    assert all(parameter.help for parameter in rules.parameters)
    assert rules.validate(rules.validate({})) == rules.validate({})
    got = sieve(rules, [])
    assert (got.kept, got.refused) == ([], {})


@pytest.mark.parametrize("rules", ALL, ids=lambda one: one.kind)
def test_everyone_stays_or_falls_with_a_reason_even_when_nothing_is_known(rules):
    blank = {"tick": NAN, "last": NAN, "volume": NAN, "spread": NAN, "high": NAN, "low": NAN}
    everyone = [coin("BTC"), coin("ETH", **blank), coin("XRP", last=float("inf"), spread=-float("inf"))]
    odd = CandleTable(np.array([NOW - DAY]), *(np.array([value]) for value in (NAN, 0.0, -1.0, NAN, NAN)))
    got = sieve(rules, everyone, tables={"ETH/USDT": odd, "XRP/USDT": table([0.0, -1.0, NAN, 5.0])})
    assert set(symbols(got.kept)) | set(got.refused) == set(symbols(everyone))
    assert not set(symbols(got.kept)) & set(got.refused) and all(got.refused.values())


@pytest.mark.parametrize(
    ("kind", "told", "words"),
    [
        ("volume", {"top": -1}, "top must be a whole number from 0 to 5,000, not -1"),
        ("volume", {"top": 1.5}, "whole number"),
        ("volume", {"minimum": "a"}, "minimum must be a number"),
        ("volume", {"minimum": float("nan")}, "minimum must be a number"),
        ("volume", {"minimum": True}, "minimum must be a number"),
        ("volume", {"minimum": 9.0, "maximum": 3.0}, "minimum must not be above maximum"),
        ("volume", {"size": 3}, "volume has no parameter 'size'. It has: minimum, maximum"),
        ("spread", [1], "an object of names and values"),
        ("spread", {"missing": "maybe"}, "missing must be one of refuse, pass"),
        ("quote_currency", {"currencies": []}, "needs at least one name"),
        ("quote_currency", {"currencies": "USDT"}, "must be a list"),
        ("blacklist", {"symbols": ["A" * 65]}, "longer than 64"),
        ("market_status", {"announced": ["LUNA/USDT 2026-13-01"]}, "not a symbol and a day"),
        ("market_status", {"announced": ["LUNA 2026-12-01"]}, "begins with no symbol"),
        ("performance", {"minimum": 0.2, "maximum": 0.1}, "minimum must not be above maximum"),
        ("correlation", {"candles": 40, "overlap": 40}, "overlap must be smaller than candles"),
        ("magic", {}, "Unknown filter 'magic'. Allowed: market_status"),
    ],
)
def test_wrong_parameters_are_refused_in_words(kind, told, words):
    with pytest.raises(FilterError) as error:
        filter_of(kind).validate(told)
    assert words in str(error.value)


def test_a_spread_at_the_maximum_stays_and_a_missing_one_falls_unless_told():
    everyone = [coin("AT", spread=0.01), coin("OVER", spread=0.0101), coin("NONE", spread=NAN)]
    got = sieve(filter_of("spread"), everyone)
    assert symbols(got.kept) == ["AT/USDT"]
    assert got.refused == {"OVER/USDT": "Spread 1.010% is above 1.000%.", "NONE/USDT": "No bid or no ask."}
    assert "NONE/USDT" in symbols(sieve(filter_of("spread"), everyone, missing="pass").kept)


def test_volume_ranks_breaks_ties_by_symbol_and_cuts():
    everyone = [coin("C", volume=5.0), coin("B", volume=5.0), coin("A", volume=9.0), coin("Z", volume=0.0)]
    got = sieve(filter_of("volume"), everyone, top=2)
    assert symbols(got.kept) == ["A/USDT", "B/USDT"]
    assert got.refused == {
        "C/USDT": "Rank 3 by 24 h volume; the first 2 are kept.", "Z/USDT": "No volume in 24 hours.",
    }  # fmt: skip
    assert symbols(sieve(filter_of("volume"), everyone, minimum=6.0).kept) == ["A/USDT"]
    assert symbols(sieve(filter_of("volume"), everyone, maximum=6.0, top=0).kept) == ["B/USDT", "C/USDT"]


def test_bounds_relax_to_the_nearest_and_no_further():
    everyone = [coin(name, volume=volume) for name, volume in zip("ABCDE", (100, 90, 80, 80, 10), strict=True)]
    rules = filter_of("volume")
    told = {"minimum": 100.0, "top": 0, "relax": 0.25}
    assert symbols(sieve(rules, everyone, **told, at_least=2).kept) == ["A/USDT", "B/USDT"]
    three = sieve(rules, everyone, **told, at_least=3)
    assert symbols(three.kept) == ["A/USDT", "B/USDT", "C/USDT"]  # of the two at 80 the first by symbol
    assert three.notes == ("Relaxed for 2: B/USDT, C/USDT.",)
    assert three.refused["D/USDT"] == "24 h volume 80 is below 100."
    assert "E/USDT" in sieve(rules, everyone, **told, at_least=5).refused  # further than a quarter below
    assert symbols(sieve(rules, everyone, **told, at_least=1).kept) == ["A/USDT"]


def test_relaxing_never_brings_back_what_was_not_measured():
    got = sieve(filter_of("spread"), [coin("A", spread=NAN), coin("B", spread=0.012)], at_least=2, relax=1.0)
    assert symbols(got.kept) == ["B/USDT"]


def test_a_tick_that_is_coarse_for_the_price():
    everyone = [coin("FINE", tick=0.01, last=10.0), coin("COARSE", tick=1e-8, last=9e-8), coin("NONE", last=NAN)]
    got = sieve(filter_of("price_precision"), everyone)
    assert symbols(got.kept) == ["FINE/USDT"]
    assert got.refused["COARSE/USDT"] == "One tick, 11.1111% of the price, is above 0.1000%."


def test_age_by_date_and_by_candles():
    rules = filter_of("age")
    everyone = [
        coin("DATED", listed_ms=NOW - 10 * DAY), coin("YOUNG", listed_ms=NOW - 10 * DAY + 1),
        coin("OLD"), coin("NEW"), coin("NONE"),
    ]  # fmt: skip
    tables = {"OLD/USDT": table(np.ones(11)), "NEW/USDT": table(np.ones(9))}
    got = sieve(rules, everyone, tables=tables)
    assert symbols(got.kept) == ["DATED/USDT", "OLD/USDT"]
    assert got.refused["NEW/USDT"] == "Listed for 9 days, which is below 10."
    assert got.refused["NONE/USDT"] == "No listing date and no daily candle."
    assert rules.wants(rules.validate({})).count == 11 and not rules.asks(everyone[0])
    assert "OLD/USDT" in sieve(rules, everyone, tables=tables, minimum=0, maximum=10).refused


def test_volatility_of_candles_and_of_the_ticker():
    rng = np.random.default_rng(1)
    tables = {
        "FLAT/USDT": table(np.ones(11)), "GOOD/USDT": table(np.exp(np.cumsum(rng.normal(0, 0.05, 11)))),
        "WILD/USDT": table(np.exp(np.cumsum(rng.normal(0, 0.9, 11)))), "FEW/USDT": table(np.arange(1.0, 5.0)),
    }  # fmt: skip
    everyone = [coin(symbol.split("/")[0]) for symbol in tables]
    got = sieve(filter_of("volatility"), everyone, tables=tables)
    assert symbols(got.kept) == ["GOOD/USDT"]
    assert got.refused["FLAT/USDT"] == "Volatility 0.00% a day is below 0.50%."
    assert got.refused["FEW/USDT"] == "Volatility: too few 1d candles."
    rules = filter_of("volatility")
    assert rules.wants(rules.validate({"source": "ticker"})) is None
    ticker = sieve(rules, [coin("A"), coin("B", high=300.0), coin("C", high=NAN)], source="ticker")
    assert symbols(ticker.kept) == ["A/USDT"] and "no data in the ticker" in ticker.refused["C/USDT"]
    expected = np.std(np.diff(np.log(tables["GOOD/USDT"].close)), ddof=1)
    measured = rules.measure(everyone[1], rules.validate({}), _market(tables))
    assert measured == pytest.approx(expected, rel=1e-12)


def _market(tables):
    from signals.domain.selection.base import Market

    return Market(NOW, (), tables)


def test_range_between_bounds():
    tables = {"DEAD/USDT": table(np.ones(10), width=0.001), "LIVE/USDT": table(np.linspace(1, 1.5, 10))}
    everyone = [coin("DEAD"), coin("LIVE"), coin("NONE")]
    got = sieve(filter_of("range_stability"), everyone, tables=tables)
    assert symbols(got.kept) == ["LIVE/USDT"]
    assert got.refused["DEAD/USDT"] == "Range 0.20% in 10 days is below 2.00%."
    low, high = 0.99, 1.5 * 1.01
    capped = sieve(filter_of("range_stability"), everyone, tables=tables, maximum=0.5)
    assert capped.refused["LIVE/USDT"] == f"Range {(high - low) / low:.2%} in 10 days is above 50.00%."


def test_performance_bounds_and_ranks():
    tables = {f"{name}/USDT": table([1.0] * 7 + [last]) for name, last in (("A", 1.1), ("B", 1.3), ("C", 0.2))}
    everyone = [coin("A"), coin("B"), coin("C"), coin("NONE")]
    got = sieve(filter_of("performance"), everyone, tables=tables, sort="best")
    assert symbols(got.kept) == ["B/USDT", "A/USDT"]
    assert got.refused["C/USDT"] == "Return -80.00% in 7 candles of 1d is below -50.00%."
    worst = sieve(filter_of("performance"), everyone, tables=tables, sort="worst", missing="pass")
    assert symbols(worst.kept) == ["A/USDT", "B/USDT", "NONE/USDT"]
    short = {"A/USDT": table([1.0] * 7)}
    assert sieve(filter_of("performance"), everyone[:1], tables=short).kept == []


def test_status_state_and_announced_delisting():
    soon = NOW + 14 * DAY
    day = datetime.fromtimestamp((NOW + 3 * DAY) / 1000, UTC).strftime("%Y-%m-%d")
    everyone = [
        coin("GOOD", state="TRADING"), coin("OFF", active=False), coin("HALTED", state="Halt"),
        coin("MARKED", state="ST"), coin("ENDS", delist_ms=soon), coin("LATER", delist_ms=soon + 1), coin("TOLD"),
        coin("GONE", delist_ms=NOW - DAY),
    ]  # fmt: skip
    got = sieve(filter_of("market_status"), everyone, announced=[f"told/usdt {day}"])
    assert symbols(got.kept) == ["GOOD/USDT", "LATER/USDT"]
    assert got.refused["OFF/USDT"] == "Not traded by the exchange now."
    assert got.refused["HALTED/USDT"] == "The exchange's state is Halt."
    assert got.refused["TOLD/USDT"] == f"Delisting announced for {day}."


def test_quote_and_blacklist():
    everyone = [coin("BTC"), coin("ETH", quote="BTC", symbol="ETH/BTC"), coin("DOGE"), coin("LUNA")]
    assert sieve(filter_of("quote_currency"), everyone).refused == {"ETH/BTC": "Not quoted in USDT."}
    got = sieve(filter_of("blacklist"), everyone, symbols=["doge/*", "LUNA/USDT", "*/BTC"])
    assert symbols(got.kept) == ["BTC/USDT"] and got.refused["DOGE/USDT"] == "On the blacklist (DOGE/*)."


@pytest.mark.parametrize(
    ("base", "price", "words"),
    [
        ("USDC", 1.0, "pegged"), ("USDQ", 1.001, "pegged"), ("USDQ", 7.0, ""), ("EUR", 1.1, "pegged"),
        ("BTC3L", 9.0, "leveraged token of BTC"), ("ETHDOWN", 9.0, "leveraged token of ETH"), ("JUP", 1.0, ""),
        ("SYRUP", 1.0, ""), ("WETH", NAN, "wrapped"), ("WSOL", 150.1, "wrapped"), ("WSOL", 40.0, ""), ("WIF", 2.0, ""),
        ("W", 2.0, ""), ("SOL", 150.0, ""),
    ],
)  # fmt: skip
def test_copies_are_known_by_rule(base, price, words):
    others = [coin("BTC", last=6e4), coin("ETH", last=3e3), coin("SOL", last=150.0), coin("IF", last=9.0)]
    mine = coin(base, last=price, symbol=f"{base}/USDT ")
    refused = sieve(filter_of("copies"), [mine, *others]).refused
    assert words in refused.get(mine.symbol, "") and bool(words) == (mine.symbol in refused)
    kept = sieve(filter_of("copies"), [mine, *others], stable="no", leveraged="no", wrapped="no")
    assert not kept.refused


def test_correlation_keeps_the_better_ranked_of_twins():
    rng = np.random.default_rng(2)
    moves = rng.normal(0, 0.01, (3, 100))
    twin = table(1e-9 * np.exp(np.cumsum(moves[0] * 1.5)), step=DAY // 24)
    tables = {
        "A/USDT": table(6e4 * np.exp(np.cumsum(moves[0])), step=DAY // 24), "TWIN/USDT": twin,
        "B/USDT": table(np.exp(np.cumsum(moves[1])), step=DAY // 24),
        "MIRROR/USDT": table(np.exp(np.cumsum(-moves[0])), step=DAY // 24),
        "FLAT/USDT": table(np.ones(100), step=DAY // 24), "SHORT/USDT": table(twin.close[-20:], step=DAY // 24),
    }  # fmt: skip
    everyone = [coin(symbol.split("/")[0]) for symbol in (*tables, "NONE/USDT")]
    got = sieve(filter_of("correlation"), everyone, tables=tables)
    assert got.refused == {"TWIN/USDT": "Correlation 1.000 with A/USDT is above 0.9."}
    reverse = sieve(filter_of("correlation"), everyone[::-1], tables=tables)
    assert list(reverse.refused) == ["A/USDT"]


def test_offset_is_a_window_of_the_ranking():
    everyone = [coin(name) for name in "ABCDE"]
    got = sieve(filter_of("offset"), everyone, skip=1, number=2)
    assert symbols(got.kept) == ["B/USDT", "C/USDT"]
    assert got.refused["A/USDT"] == "Rank 1: the first 1 are skipped."
    assert got.refused["E/USDT"] == "Rank 5: only ranks 2 to 3 are kept."
    assert len(sieve(filter_of("offset"), everyone).kept) == 5
    assert sieve(filter_of("offset"), everyone, skip=9).kept == []


def test_shuffle_draws_anew_every_period_only():
    everyone = [coin(f"C{i}") for i in range(30)]
    first, later = (sieve(filter_of("shuffle"), everyone, every_hours=24, now_ms=at) for at in (NOW, NOW + DAY))
    same = sieve(filter_of("shuffle"), everyone, every_hours=24, now_ms=NOW + DAY - 1)
    assert symbols(first.kept) == symbols(same.kept) != symbols(later.kept)
    assert symbols(first.kept) != symbols(everyone)


def test_trouble_is_a_reason():
    got = sieve(Trouble(), [coin("A"), coin("B", trouble="Candles fail.")])
    assert got.refused == {"B/USDT": "Candles fail."}
