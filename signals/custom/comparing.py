"""The comparisons that find look-ahead, too few declared candles, and memory between calls; each names its line."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from signals.custom.bench import Bench, Case, Refused
from signals.custom.client import Place, StrategyFailure
from signals.custom.report import Finding
from signals.custom.rules import CHUNK, CustomRules, between
from signals.custom.trace import unequal
from signals.domain.lanes import Lanes
from signals.domain.strategies.base import Decisions, Values

FEW = 16  # candles
MOMENTS, RECENT = 24, 256  # of real candles: how often it is asked too early, and about how many candles


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The first place where two answers differ; `candle` counts from the start of the shorter one."""

    what: str
    lane: int
    candle: int


def mismatch(one: Decisions, other: Decisions) -> Mismatch | None:
    """Where two answers of one shape differ: sides at all, confidence and details by more than 1e-9 relative."""
    pairs = [("side", one.side, other.side), ("confidence", one.confidence, other.confidence)]
    if set(one.details) != set(other.details):
        name = sorted(set(one.details) ^ set(other.details))[0]
        return Mismatch(f"details[{name!r}], which is not always there", 0, 0)
    pairs += [(f"details[{name!r}]", array, other.details[name]) for name, array in one.details.items()]
    for name, ours, theirs in pairs:
        apart = np.argwhere(unequal(ours, theirs))
        if len(apart):
            lane, candle = apart[np.argmin(apart[:, 1])]
            return Mismatch(name, int(lane), int(candle))
    return None


def cut(said: Decisions, since: int, until: int) -> Decisions:
    """The decisions of the candles since <= index < until."""
    part = slice(since, until)
    details = {name: array[:, part] for name, array in said.details.items()}
    return Decisions(said.side[:, part], said.confidence[:, part], details)


def prefix_lengths(length: int, needs: int, *, many: bool = True) -> list[int]:
    """How much of the candles is shown: little, odd counts, and every count just below all of it."""
    some = {1, 2, needs + 1, length // 3 | 1, length // 2 | 1, length - 1}
    more = {3, 5, 7, 11, needs + 2, 2 * needs + 1, *range(length - 17, length), *range(23, length, length // 16 | 1)}
    return sorted(size for size in (some | more if many else some) if 0 < size < length)


def steady(rules: CustomRules, lanes: Lanes, values: Values) -> Decisions:
    """The answer for all candles, asked three times of one process: it must be the same. Raises Refused."""
    whole = rules.decide_at_once(lanes, values)
    for fresh in (False, False, True):
        again = rules.decide_at_once(lanes, values, fresh=fresh)
        if (found := mismatch(whole, again)) is not None:
            raise Refused(_state_finding(rules, lanes, values, found))
    return whole


def no_look_ahead(bench: Bench, rules: CustomRules, case: Case, lengths: Iterable[int]) -> None:
    """A process that is fresh sees only the first candles, then more of them; its answers must be those for the whole.

    Lanes of a few candles come last: code that cannot do with them hides nothing worse.
    """
    lengths = list(lengths)
    for length in [*(size for size in lengths if size > FEW), *(size for size in lengths if size <= FEW)]:
        bench.time_check()
        said = rules.decide_at_once(between(case.lanes, 0, length), case.values, fresh=False)
        if (found := mismatch(cut(case.whole, 0, length), said)) is not None:
            raise Refused(_ahead_or_state(rules, case, length, found))
    again = rules.decide_at_once(case.lanes, case.values, fresh=False)
    if (found := mismatch(case.whole, again)) is not None:
        raise Refused(_state_finding(rules, case.lanes, case.values, found, case.length // 2))


def enough_needs(bench: Bench, rules: CustomRules, case: Case, *, many: bool) -> None:
    """A scan shows the newest candles and `needs` before them: the answers must be those for the whole."""
    for wanted in (1, 2, 7, 30, CHUNK) if many else (1, 30):
        for until in (case.length, case.length - 1, case.length - 13):
            since = until - wanted - case.needs
            if since >= 0:
                bench.time_check()
                _window_checked(rules, case, since, until)


def decide_honestly(rules: CustomRules, lanes: Lanes, values: Values, symbols: Sequence[str]) -> Decisions:
    """Its decisions on real candles, after it was asked at some moments when the later candles were not shown yet.

    Raises StrategyFailure (look_ahead, with the line) when an answer is another one afterwards.
    """
    needs, length = rules.needs(values), int(lanes.close.shape[1])
    untils = sorted({length * part // MOMENTS for part in range(1, MOMENTS)} | {length - 2, length - 1})
    windows = [(max(0, until - needs - RECENT), until) for until in untils if until > 0]
    early = [rules.decide_at_once(between(lanes, *window), values) for window in windows]
    whole = rules.decide(lanes, values)
    for (since, until), said in zip(windows, early, strict=True):
        skip = needs if since else 0
        found = mismatch(cut(whole, since + skip, until), cut(said, skip, until - since))
        if found is not None:
            shown = between(lanes, since, until + CHUNK)
            finding = _ahead_finding(rules, Case(tuple(symbols), shown, values, needs, whole), until - since, found)
            place = Place(finding.line, finding.source, finding.function)
            raise StrategyFailure("look_ahead", finding.message, place)
    return whole


def _window_checked(rules: CustomRules, case: Case, since: int, until: int) -> None:
    said = rules.decide_at_once(between(case.lanes, since, until), case.values)
    found = mismatch(cut(case.whole, since + case.needs, until), cut(said, case.needs, until - since))
    if found is None:
        return
    seen = between(case.lanes, 0, until)
    told = rules.explain(seen, case.values, length=until - since, from_end=until - since - case.needs)
    raise Refused(
        _finding(
            "needs",
            f"needs() says that {case.needs} candles before a decision's own are enough, but {found.what} at candle "
            f"{since + case.needs + found.candle} of {case.symbols[found.lane]} is another one when only those "
            f"are there{_where(told, case)}. Let needs() give more, and do not use what runs from the first candle on "
            "(cumulative sums, positions counted from the start).",
            told,
            case,
            found,
        )
    )


def _ahead_or_state(rules: CustomRules, case: Case, length: int, found: Mismatch) -> Finding:
    """Look-ahead; or memory between calls, when the same question asked of a fresh module is answered rightly."""
    fresh = rules.decide_at_once(between(case.lanes, 0, length), case.values)
    if mismatch(cut(case.whole, 0, length), fresh) is None:
        return _state_finding(rules, case.lanes, case.values, found, length)
    return _ahead_finding(rules, case, length, found)


def _ahead_finding(rules: CustomRules, case: Case, length: int, found: Mismatch) -> Finding:
    told = rules.explain(case.lanes, case.values, length=length)
    return _finding(
        "look_ahead",
        f"It looks ahead: {found.what} at candle {found.candle} of {case.symbols[found.lane]} changes when the "
        f"candles after {length - 1} are not there yet{_where(told, case)}. A value may be made of its own candle and "
        "earlier ones only.",
        told,
        case,
        found,
    )


def _state_finding(
    rules: CustomRules, lanes: Lanes, values: Values, found: Mismatch, length: int | None = None
) -> Finding:
    told = rules.explain(lanes, values, length=length or lanes.close.shape[1], fresh=False)
    message = (
        f"The same candles get another answer the second time ({found.what}). It keeps something between two calls "
        "(a global, an attribute of self, a default argument), or uses random numbers, the clock or an object's id"
    )
    line = f"; the values part at this line (variable {told['variable']})." if told else "."
    return _finding("state", message + line, told, None, found)


def _where(told: dict[str, Any] | None, case: Case) -> str:
    """The traced difference in words."""
    if told is None:
        return ""
    name, candle = str(told.get("variable"))[:60], int(told.get("candle", -1))
    at = f" at candle {candle}" if candle >= 0 else ""
    numbers = f" ({told.get('whole')} with them, {told.get('part')} without)" if told.get("whole") != "nan" else ""
    return f". The first difference is in {name}{at}{numbers}"


def _finding(rule: str, message: str, told: dict[str, Any] | None, case: Case | None, found: Mismatch) -> Finding:
    told = told or {}
    lane, candle = int(told.get("lane", -1)), int(told.get("candle", -1))
    lane, candle = (lane, candle) if lane >= 0 else (found.lane, found.candle)
    market = case.symbols[lane] if case is not None and lane < len(case.symbols) else ""
    texts = {name: str(told.get(name, ""))[:240] for name in ("source", "function", "variable")}
    return Finding(rule, message, int(told.get("line", 0)), market=market, candle=candle, **texts)
