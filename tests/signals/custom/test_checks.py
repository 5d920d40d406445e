"""What a check refuses, with the line that is wrong; and that it lets honest strategies through."""

import inspect

import numpy as np
import pytest

from signals.custom import bench, checks
from signals.custom.checks import strategy_examine
from signals.custom.resolve import source_rules
from signals.domain.strategies import REGISTRY
from signals.scan.pass_cpu import lanes_compute
from tests.signals.custom.files import text
from tests.signals.support import real_matrix, walk_matrix


def examined(body: str = "", top: str = "", source: str | None = None, **options):
    options = {"seconds": 20.0, "memory_mb": 512} | options
    return strategy_examine(file="mine.py", source=source or text(body, top), **options)


AHEAD = {
    "roll": ("later = np.roll(close, -1, axis=1)\nup = up & (later > close)", "later = np.roll"),
    "shift by slices": (
        "later = np.full_like(close, np.nan)\nlater[:, :-1] = close[:, 1:]\nup = up & (later > close)",
        "later[:, :-1] = close[:, 1:]",
    ),
    "mean of the whole": ("average = np.nanmean(close)\nup = up & (close > average)", "average = np.nanmean"),
    "mean of each lane": (
        "average = np.nanmean(close, axis=1, keepdims=True)\nup = up & (close > average)",
        "average = np.nanmean",
    ),
    "last column": ("up = up & (close < close[:, -1:])", "up = up & (close <"),
    "best of all": ("best = np.nanargmax(close[0])\nup[:9, best] = True", "up[:9, best] = True"),
    "rank in time": (
        "order = np.argsort(np.argsort(close, axis=1), axis=1) / close.shape[1]\nup = up & (order < 0.5)",
        "order = np.argsort",
    ),
    "normalised": ("scaled = close / np.nanmax(close, axis=1, keepdims=True)\nconfidence = scaled", "scaled = close /"),
    "centred average": (
        "ones, size = np.ones(5) / 5, close.shape[1]\n"
        "full = [np.convolve(row, ones, 'same')[:size] for row in np.nan_to_num(close)]\n"
        "smooth = np.array(full)\n"
        "up = up & (close > smooth)",
        "full = [np.convolve",
    ),
    "number of candles": ("confidence = np.where(up, 1.0 / close.shape[1], 0.0)", "(up, 1.0 / close"),
    "only for some lengths": (
        "if close.shape[1] % 7 == 3:\n    up = up & (np.roll(close, -1, axis=1) > close)",
        "if close.shape[1] % 7 == 3:",
    ),
    "in a loop": (
        "for row in range(close.shape[0]):\n    for at in range(close.shape[1] - 1):\n"
        "        up[row, at] = close[row, at + 1] > close[row, at]",
        "up[row, at] = close[row, at + 1]",
    ),
    "in details only": ("line = np.roll(line, -2, axis=1)", "line = np.roll"),
    "from the end": ("up[:, -3:] = False", "up[:, -3:] = False"),
    "in a helper": ("up = up & peek(close)", "moved = np.flip(values, axis=1)"),
}
HELPER = "def peek(values):\n    moved = np.flip(values, axis=1)\n    return values > np.flip(before(moved), axis=1)"


@pytest.mark.parametrize("case", AHEAD)
def test_look_ahead_is_refused_at_its_line(case):
    body, line = AHEAD[case]
    report = examined(body, HELPER)
    (found,) = report.findings
    assert found.rule == "look_ahead", found
    assert line in found.source and found.line == text(body, HELPER).splitlines().index(_full(body, line)) + 1
    assert "looks ahead" in found.message and "earlier ones only" in found.message
    assert found.market.endswith("/TEST") and found.candle >= 0


def _full(body: str, line: str) -> str:
    return next(full for full in text(body, HELPER).splitlines() if line in full)


STATE = {
    "global": (
        "CACHE['calls'] = CACHE.get('calls', 0.0) + 1.0\nconfidence = confidence / CACHE['calls']",
        "CACHE['calls'] =",
    ),
    "cache by what was seen": (
        "if 'line' in CACHE:\n    up[:] = False\nCACHE['line'] = line.copy()",
        "if 'line' in CACHE:",
    ),
    "cached answers": (
        "size = close.shape[1]\nkey = (float(np.nansum(close[:, :20])), size // 400)\n"
        "up = CACHE.setdefault(key, up)[:, :size]\n"
        "up = np.pad(up, ((0, 0), (0, size - up.shape[1])))",
        "",
    ),
    "random": ("noise = np.random.default_rng().random(close.shape)\nconfidence = noise", "noise = np.random"),
    "attribute of numpy": ("np.seen = getattr(np, 'seen', 0.0) + 1.0\nconfidence = confidence / np.seen", ""),
    "attribute of self": (
        "self.seen = getattr(self, 'seen', 0.0) + 1.0\nconfidence = confidence / self.seen",
        "self.seen =",
    ),
}


@pytest.mark.parametrize("case", STATE)
def test_memory_between_calls_is_refused(case):
    body, line = STATE[case]
    (found,) = examined(body, "CACHE = {}").findings
    assert found.rule in ("state", "look_ahead"), found
    assert line in found.source and (found.line > 0 or not line)


OTHER = {
    "earlier candles than it says": ("up = up & (close > before(close, 5))", "needs", "up = up & (close > before"),
    "runs from the start": (
        "total = np.nancumsum(close, axis=1)\nup = up & (np.floor(total) % 2 == 0)", "needs", "total = np.nancumsum",
    ),
    "raises": ("1 / 0", "raises", "1 / 0"),
    "raises on few candles": ("close[:, 5]", "raises", "close[:, 5]"),
    "signals on missing candles": ("up = ~(close < line)\ndown = np.zeros_like(up)", "contract", "return Decisions.of"),
    "a wrong shape": ("return Decisions(up[0], down, confidence)", "contract", "return Decisions(up[0]"),
    "another length": (
        "up, down, confidence = up[:, 1:], down[:, 1:], confidence[:, 1:]", "contract", "return Decisions.of",
    ),
    "no decisions": ("return {'side': 1}", "contract", "return {'side': 1}"),
    "sides that are none": ("return Decisions(up * 3, confidence)", "contract", "return Decisions(up * 3"),
    "objects": ("return Decisions(up.astype(object), confidence)", "contract", "return Decisions(up.astype"),
    "texts": ("return Decisions(up, confidence.astype(str))", "contract", "return Decisions(up, confidence.astype"),
    "NaN as confidence": ("return Decisions(up, confidence * np.nan)", "contract", "return Decisions(up, confidence *"),
    "confidence above one": ("return Decisions(up, confidence + 3.0)", "contract", "return Decisions(up, confidence +"),
    "changes its input": ("close[:, 0] = 1.0", "raises", "close[:, 0] = 1.0"),
    "an indicator it did not declare": ("lanes['ema_20']", "raises", "lanes['ema_20']"),
    "memory": ("held = np.ones((4000, 400, 400))", "memory", "held = np.ones"),
}  # fmt: skip


@pytest.mark.parametrize("case", OTHER)
def test_what_breaks_the_contract_is_refused_at_its_line(case):
    body, rule, line = OTHER[case]
    (found,) = examined(body).findings
    assert found.rule == rule and line in found.source, found
    assert found.line > 0


def test_slow_is_refused_at_the_line_it_was_at():
    body = "total = 0.0\nfor value in close.ravel():\n    for _ in range(20000):\n        total += value"
    (found,) = examined(body, seconds=0.6).findings
    assert found.rule == "slow" and found.function == "decide" and 23 <= found.line <= 25
    assert "whole arrays" in found.message


def test_a_check_ends(monkeypatch):
    monkeypatch.setattr(bench, "BUDGET_S", 0.0)
    (found,) = examined().findings
    assert found.rule == "slow" and "given up" in found.message


STATIC = {
    "def x(:": "syntax",
    "import os": "import",
    "import numpy.ctypeslib": "import",
    "from socket import create_connection": "import",
    "from . import x": "import",
    "from accounts.models import User": "import",
    "x = open('a')": "import",
    "x = eval('1')": "import",
    "def f():\n    global x\n    x = 1": "state",
}


@pytest.mark.parametrize("line", STATIC)
def test_what_is_seen_without_running_names_its_line(line):
    found = examined(top=line).findings[0]
    assert found.rule == STATIC[line] and found.line >= 5 and found.source in text(top=line)


NEEDS = "    def needs(self, values):\n        return 1.5\n\n"
DESCRIBED = {
    "kind must be lower-case": text(kind="Line Cross"),
    "must have name": text().replace('name = "LineCross"', "name = 3"),
    "one class that extends Strategy": text().replace("(Strategy)", "(object)"),
    "tuple of Parameter": text().replace("(Parameter(", "[Parameter(").replace('average."),)', 'average.")]'),
    "must lie in": text().replace("20, 5, 60", "90, 5, 60"),
    "whole number from 0": text().replace("    def reason", NEEDS + "    def reason"),
    "Unknown indicator": text().replace('Indicator("sma"', 'Indicator("magic"'),
    "abstract method": text().replace("def reason", "def raison"),
    "one sentence": text().replace("return f\"Closed", "return 3 or f\"Closed"),
    "tuple of Indicator": text().replace('(Indicator("sma", (values["period"],)),)', '"sma"'),
}  # fmt: skip


@pytest.mark.parametrize("words", DESCRIBED)
def test_the_declaration_is_checked(words):
    (found,) = examined(source=DESCRIBED[words]).findings
    assert words in found.message, found


def test_a_good_strategy_passes_with_its_figures(market_data):
    report = examined(real=real_matrix(market_data, 6, 1500))
    assert report.good and report.described["kind"] == "custom:line_cross"
    assert report.facts["signals"] > 50 and report.facts["settings"] == 3 and report.facts["real_markets"] == 6
    assert report.facts["kernel"] and 0 < report.facts["scan_ms"] < 10_000
    assert report.as_json()["good"] is True


GOOD = {
    "a sum over a window": "total = sum(before(close, back) for back in range(1, 2))\nup = up & (close > total)",
    "windows": (
        "padded = np.pad(close, ((0, 0), (1, 0)), constant_values=np.nan)\n"
        "up = up & (close >= np.lib.stride_tricks.sliding_window_view(padded, 2, axis=1).min(axis=2))"
    ),
    "one lane compared with the others": (
        "average = np.nanmean(np.nan_to_num(close), axis=0, keepdims=True)\nup = up & (close > average)"
    ),
    "numpy changed for itself": "np.nan_to_num = None",
    "it prints": "print('x' * 1000)",
}  # fmt: skip


@pytest.mark.parametrize("case", GOOD)
def test_honest_code_passes(case):
    assert examined(GOOD[case]).findings == []


@pytest.mark.parametrize("kind", ["rsi_divergence", "macd_trend"])
def test_built_in_strategies_pass_as_custom_ones(kind):
    source = inspect.getsource(inspect.getmodule(type(REGISTRY[kind])))
    report = examined(source=source)
    assert report.findings == [] and report.described["kind"] == f"custom:{kind}"


@pytest.mark.parametrize("kind", ["ma_cross", "rsi_divergence", "bollinger_breakout", "macd_trend"])
def test_a_custom_strategy_decides_what_the_same_code_decides_in_the_platform(kind, settings):
    """Also over a history that is asked in several chunks."""
    rules, matrix = REGISTRY[kind], walk_matrix(7, 1700)
    values = rules.validate({})
    lanes = lanes_compute(matrix, rules.indicators(values))
    expected = rules.decide(lanes, values)
    with source_rules("mine.py", inspect.getsource(inspect.getmodule(type(rules)))) as custom:
        assert custom.validate({}) == values and custom.indicators(values) == rules.indicators(values)
        said = custom.decide(lanes, values)
        row, column = np.argwhere(expected.side)[-1]
        details = {name: float(array[row, column]) for name, array in expected.details.items()}
        assert custom.reason(1, values, details) == rules.reason(1, values, details)
    assert np.array_equal(said.side, expected.side) and np.array_equal(said.confidence, expected.confidence)
    for name, array in expected.details.items():
        used = expected.side != 0
        assert np.array_equal(said.details[name][used], array[used], equal_nan=True)


def test_the_markets_of_a_check_are_the_same_every_time():
    one, other = checks.check_matrix(700), checks.check_matrix(700)
    assert all(np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True) for name in ("close", "volume"))
