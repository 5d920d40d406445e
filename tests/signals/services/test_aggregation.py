"""The aggregate in a scan: votes of several sources, cooldowns, blacklists, thresholds, and what is refused."""

from datetime import timedelta

import pytest

from accounts.clock import now
from signals import listeners, sources
from signals.domain.aggregation.settings import settings_validate
from signals.domain.timeframes import open_time
from signals.models import Blacklist, Instrument, Outcome, RefusedSignal, Scan, Signal, SourceWeight, Strategy
from signals.services.scan import lanes_late_scan, scan_run
from signals.sources import SignalDraft
from signals.strategy_source import StrategySource

pytestmark = pytest.mark.django_db(transaction=True)
MARKET = {"exchange": "binance", "timeframe": "1m"}
FIRST = 1100


class Script:
    """Says what the test wrote down: (candle number, symbol number, strategy, side, confidence)."""

    def __init__(self, times, *lines) -> None:
        self.name, self.times, self.lines = "script", times, lines

    def drafts(self, context):
        candle_ms = int(context.matrix.open_time_ms[-1])
        return [
            SignalDraft(f"C{symbol}/USDT", strategy.pk, side, confidence, "scripted", {"x": 1})
            for number, symbol, strategy, side, confidence in self.lines
            if self.times[number] == candle_ms
        ]


@pytest.fixture
def voters(db):
    return [Strategy.objects.create(name=name, kind="ma_cross") for name in ("A", "B", "C")]


@pytest.fixture
def say(market, at_candle):
    """Scan the candles of a script, one by one."""
    sources.unregister("strategies")

    def scanned(*lines, until: int | None = None) -> list[Signal]:
        sources.register(Script([int(at) for at in market.matrix.open_time_ms], *lines))
        for number in range(FIRST, (until or max(line[0] for line in lines)) + 1):
            opened, clock = at_candle(number)
            with clock:
                scan_run(**MARKET, candle_open_time=opened)
        return list(Signal.objects.filter(strategy__kind="aggregate").order_by("candle_open_time", "instrument_id"))

    yield scanned
    sources.unregister("script")
    sources.register(StrategySource())


def changed(**values) -> Strategy:
    return Strategy.objects.create(name="Aggregate", kind="aggregate", parameters=settings_validate(values))


def test_one_vote_is_passed_on_and_two_are_surer(say, voters):
    a, b, _ = voters
    told = []
    listeners.on_signals(lambda _scan, ids: told.append(set(ids)))
    alone, both = say((FIRST, 0, a, "buy", 0.5), (FIRST, 1, a, "buy", 0.5), (FIRST, 1, b, "buy", 0.5))
    assert alone.confidence == pytest.approx(0.5) and both.confidence == pytest.approx(0.75)
    assert [vote["name"] for vote in both.votes] == ["A v1", "B v1"]
    assert both.reason.startswith("2 of 2 votes to buy") and both.threshold > 0.15
    assert {vote["signal"] for vote in both.votes} <= {str(row.public_id) for row in Signal.objects.all()}
    assert told == [set(Signal.objects.values_list("pk", flat=True))]
    assert both.provenance["parameters"] == settings_validate({}) and both.provenance["candles"] == 101


def test_contradiction_and_earlier_votes(say, voters):
    a, b, _ = voters
    rows = say(
        (FIRST, 0, a, "buy", 0.5), (FIRST, 0, b, "sell", 0.5),
        (FIRST, 1, a, "buy", 0.6), (FIRST + 1, 1, b, "buy", 0.5),
        (FIRST, 2, a, "buy", 0.9), (FIRST + 1, 2, b, "sell", 0.2),
    )  # fmt: skip
    assert [(row.instrument.symbol, row.side) for row in rows] == [("C1/USDT", "buy"), ("C2/USDT", "buy")]
    late = RefusedSignal.objects.get(instrument__symbol="C1/USDT")
    assert late.rule == "cooldown" and late.confidence == pytest.approx(1 - 0.5 * 0.4**0.6)


def test_a_source_replaces_its_own_vote_and_a_disabled_one_has_none(say, voters):
    a, b, _ = voters
    changed(cooldown_candles=0)
    Strategy.objects.filter(pk=b.pk).update(enabled=False)
    rows = say((FIRST, 0, a, "buy", 0.9), (FIRST + 1, 0, a, "sell", 0.5), (FIRST + 1, 0, b, "buy", 0.9))
    assert [(row.side, row.confidence) for row in rows] == [("buy", pytest.approx(0.9)), ("sell", pytest.approx(0.5))]


def test_cooldown_ends_after_its_candles_or_with_the_other_side(say, voters):
    a = voters[0]
    rows = say(
        *((FIRST + n, 0, a, side, 0.6) for n, side in ((0, "buy"), (3, "buy"), (4, "buy"), (5, "sell"), (6, "buy")))
    )
    assert [(row.candle_open_time.minute, row.side) for row in rows] == [
        ((rows[0].candle_open_time + timedelta(minutes=n)).minute, side)
        for n, side in ((0, "buy"), (4, "buy"), (5, "sell"), (6, "buy"))
    ]
    refused = RefusedSignal.objects.get()
    assert refused.rule == "cooldown" and "after 3 candles or a sell" in refused.reason
    assert Scan.objects.get(candle_open_time=refused.candle_open_time).refused == 1


def test_weights_count(say, voters):
    a, b, _ = voters
    SourceWeight.objects.create(name="A", **MARKET, weight=1.5)
    SourceWeight.objects.create(name="B", **MARKET, weight=0.5)
    rows = say((FIRST, 0, a, "buy", 0.5), (FIRST, 0, b, "sell", 0.6), (FIRST, 1, b, "buy", 0.2))
    assert [(row.instrument.symbol, row.side) for row in rows] == [("C0/USDT", "buy")]
    assert {vote["name"]: vote["weight"] for vote in rows[0].votes} == {"A v1": 1.5, "B v1": 0.5}
    below = RefusedSignal.objects.get()
    assert below.rule == "threshold" and below.instrument.symbol == "C1/USDT" and "needed" in below.reason


def test_losses_on_a_symbol_raise_its_threshold(say, voters, at_candle):
    instrument = Instrument.objects.get(symbol="C0/USDT")
    opened, _ = at_candle(FIRST)
    Outcome.objects.bulk_create(
        Outcome(
            instrument=instrument, timeframe="1m", trade_id=f"00000000-0000-0000-0000-{n:012d}", mode="paper",
            opened_at=opened, closed_at=opened - timedelta(minutes=n), return_net=-0.01, close_reason="stop",
        )
        for n in range(40)
    )  # fmt: skip
    changed(volatility_power=0.0)
    losing, other = say((FIRST, 0, voters[0], "buy", 0.9), (FIRST, 1, voters[0], "buy", 0.9))
    assert losing.inputs["hit_rate"] == pytest.approx(5 / 30) and other.inputs["hit_rate"] == 0.5
    assert losing.threshold == pytest.approx(0.3 * (1 + 0.5 * (0.5 - 5 / 30))) and other.threshold == 0.3


@pytest.mark.parametrize(
    ("entry", "refused"),
    [
        ({"symbol": "C0/USDT"}, {"C0/USDT"}),
        ({"kind": "ma_cross"}, {"C0/USDT", "C1/USDT"}),
        ({"symbol": "C1/USDT", "kind": "ma_cross"}, {"C1/USDT"}),
        ({"symbol": "C0/USDT", "exchange": "okx"}, set()),
        ({"symbol": "C0/USDT", "expires_at": open_time(0)}, set()),
        ({"symbol": "C0/USDT", "lifted_at": open_time(0)}, set()),
    ],
)
def test_blacklists_refuse_entries_and_never_exits(say, voters, entry, refused):
    Blacklist.objects.create(reason="Delisting rumours.", **entry)
    a = voters[0]
    lines = [(FIRST, n, a, "buy", 0.6) for n in (0, 1)] + [(FIRST, n, a, "sell", 0.6) for n in (2, 3)]
    say(*lines)
    found = RefusedSignal.objects.filter(rule="blacklist")
    assert {row.instrument.symbol for row in found} == refused
    assert all("Delisting rumours." in row.reason for row in found)
    bought = Signal.objects.filter(side="buy", strategy__kind="ma_cross")
    assert {row.instrument.symbol for row in bought} == {"C0/USDT", "C1/USDT"} - refused
    assert Signal.objects.filter(side="sell", strategy__kind="aggregate").count() == 2


def test_a_repeated_scan_changes_nothing(say, voters, market, at_candle):
    a, b, _ = voters
    candle = int(market.matrix.open_time_ms[FIRST + 1])
    market.hidden.add(("C3/USDT", candle))
    lines = [(FIRST + 1, n, s, "buy", 0.5) for n in (0, 3) for s in (a, b)]
    say(*lines)
    before = {row.pk: (row.confidence, row.votes) for row in Signal.objects.all()}
    market.hidden.clear()
    opened, clock = at_candle(FIRST + 1)
    with clock:
        assert now() > opened
        lanes_late_scan(scan_id=Scan.objects.get(candle_open_time=opened).pk)
    after = {row.pk: (row.confidence, row.votes) for row in Signal.objects.all()}
    assert before.items() <= after.items() and len(after) == len(before) + 3


def test_no_aggregate_when_staff_disabled_it_or_its_settings_are_wrong(say, voters):
    row = changed()
    Strategy.objects.filter(pk=row.pk).update(enabled=False)
    assert say((FIRST, 0, voters[0], "buy", 0.5)) == []
    Strategy.objects.filter(pk=row.pk).update(enabled=True, parameters={"short": 800, "long": 3})
    assert say((FIRST + 1, 0, voters[0], "buy", 0.5)) == []
    assert Signal.objects.filter(strategy=voters[0]).count() == 2
