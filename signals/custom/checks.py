"""Whether a custom strategy may run: the contract, no look-ahead, no memory between calls, in time, on odd markets too.

Every rule is checked from outside, by asking the strategy's process and comparing the answers; only the search for the
line runs inside it. A strategy that gives the same decisions with and without the later candles passes, whatever its
code looks like.
"""

import hashlib
import time
from collections.abc import Iterator

import numpy as np

from signals.candles.matrix import CandleMatrix
from signals.custom.bench import Bench, Case, Refused, computed
from signals.custom.client import StrategyFailure
from signals.custom.comparing import enough_needs, no_look_ahead, prefix_lengths, steady
from signals.custom.markets import check_matrix
from signals.custom.report import Finding, Report
from signals.custom.rules import CHUNK, CustomRules
from signals.custom.static import static_findings
from signals.domain.strategies.base import ParameterError, Values

CATCH_UP = 30  # candles that a scan may decide at once
SCAN_LANES = 100
REAL_LANES = 20


def digest_of(source: str) -> str:
    """The content's SHA-256."""
    return hashlib.sha256(source.encode()).hexdigest()


def strategy_examine(
    *, file: str, source: str, seconds: float, memory_mb: int, unsafe: bool = False, real: CandleMatrix | None = None
) -> Report:
    """Check a strategy's source. `seconds` is what one scan may take, `real` candles are looked at besides the others.

    Always gives a report; a strategy that is fine has no findings.
    """
    report = Report(file, digest_of(source), findings=static_findings(source))
    if not report.good:
        return report
    bench = Bench(file, source, seconds, memory_mb, unsafe, report.facts)
    try:
        _examined(bench, report, real)
    except Refused as refused:
        report.findings.append(refused.finding)
    except StrategyFailure as failure:
        report.findings.append(finding_of(failure))
    return report


def finding_of(failure: StrategyFailure) -> Finding:
    """A failure as a finding."""
    place = failure.place
    return Finding(failure.kind, str(failure), place.line, place.source, place.function)


def _examined(bench: Bench, report: Report, real: CandleMatrix | None) -> None:
    """Three processes: one that sees all, one that never sees later candles, one the same for the other settings."""
    with bench.rules() as rules:
        report.described = {"kind": rules.kind, "name": rules.name, "title": rules.title}
        values = _defaults(rules)
        settings = list(_settings(rules, values))
        bench.facts["scan_ms"] = _in_time(bench, rules, values)
        main = _case(rules, values, check_matrix(_length(rules, values)))
        _reasons_given(rules, main)
        others = [_case(rules, other, check_matrix(_length(rules, other))) for other in settings]
        others += _real_cases(rules, values, real)
        _not_ahead(bench, [main], many=True)
        _not_ahead(bench, others, many=False)
        for case in (main, *others):
            enough_needs(bench, rules, case, many=case is main)
    bench.facts |= {"signals": int(np.count_nonzero(main.whole.side)), "settings": 1 + len(settings)}
    bench.facts |= {"needs": main.needs, "real_markets": 0 if real is None else len(real.symbols)}


def _not_ahead(bench: Bench, cases: list[Case], *, many: bool) -> None:
    if cases:
        with bench.rules() as rules:
            for case in cases:
                no_look_ahead(bench, rules, case, prefix_lengths(case.length, case.needs, many=many))


def _defaults(rules: CustomRules) -> dict[str, float]:
    try:
        values = {parameter.name: parameter.checked(parameter.default) for parameter in rules.parameters}
    except ParameterError as error:
        raise Refused(Finding("parameters", str(error))) from None
    rules.plan(values)  # a failure here names its line
    return values


def _settings(rules: CustomRules, values: Values) -> Iterator[dict[str, float]]:
    """Each parameter at both ends of its range, where the strategy's own rules allow it."""
    for parameter in rules.parameters:
        for end in (parameter.low, parameter.high):
            changed = {**values, parameter.name: int(end) if parameter.whole else float(end)}
            try:
                rules.plan(changed)
            except StrategyFailure as failure:
                if not failure.parameter:
                    raise
                continue
            if changed != values:
                yield changed


def _length(rules: CustomRules, values: Values) -> int:
    warm_up = max((int(indicator.warm_up) for indicator in rules.indicators(values)), default=0)
    return warm_up + rules.needs(values) + CHUNK + 1


def _case(rules: CustomRules, values: Values, matrix: CandleMatrix) -> Case:
    lanes = computed(rules, values, matrix)
    whole = steady(rules, lanes, values)
    missing = np.argwhere((whole.side != 0) & np.isnan(lanes.close))
    if len(missing):
        lane, candle = (int(index) for index in missing[0])
        raise Refused(
            Finding(
                "contract",
                f"It gives a signal at candle {candle} of {matrix.symbols[lane]}, which is missing (all its prices are "
                "NaN). Compare with the candle's own values: every comparison with NaN is false.",
                line=rules.decides_at,
                source=rules.line(rules.decides_at),
                function="decide",
                market=matrix.symbols[lane],
                candle=candle,
            )
        )
    return Case(matrix.symbols, lanes, values, rules.needs(values), whole)


def _reasons_given(rules: CustomRules, case: Case) -> None:
    """A reason for the first buy and the first sell that it gives."""
    for side in (1, -1):
        places = np.argwhere(case.whole.side == side)
        if len(places):
            lane, candle = places[0]
            rules.reason(side, case.values, {name: array[lane, candle] for name, array in case.whole.details.items()})


def _real_cases(rules: CustomRules, values: Values, real: CandleMatrix | None) -> list[Case]:
    if real is None or not real.symbols:
        return []
    keep, picked = slice(-_length(rules, values), None), real.pick(real.symbols[:REAL_LANES])
    arrays = (picked.open, picked.high, picked.low, picked.close, picked.volume)
    shown = CandleMatrix(picked.symbols, picked.open_time_ms[keep], *(array[:, keep] for array in arrays))
    return [_case(rules, values, shown)]


def _in_time(bench: Bench, rules: CustomRules, values: Values) -> float:
    """A scan of SCAN_LANES symbols must take half of what is allowed at most; milliseconds of the faster of two."""
    matrix = check_matrix(CATCH_UP + rules.needs(values))
    symbols = [matrix.symbols[row % len(matrix.symbols)] for row in range(SCAN_LANES)]
    lanes, took = computed(rules, values, matrix.pick(symbols)), []
    for _ in range(2):
        began = time.monotonic()
        rules.decide_at_once(lanes, values, seconds=bench.seconds / 2)
        took.append(time.monotonic() - began)
    return round(min(took) * 1000, 2)
