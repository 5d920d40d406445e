"""Backtest one strategy over Parquet candles: `manage.py backtest --data DIR --strategy ma_cross`."""

import json
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from signals.custom.comparing import decide_honestly
from signals.custom.resolve import rules_named
from signals.custom.rules import CustomRules
from signals.domain.strategies import REGISTRY
from signals.domain.strategies.base import Decisions, ParameterError
from signals.domain.timeframes import open_time
from trading.backtest.data import DataError, files_of, matrix_of, spec_of, timeframe_ms_of
from trading.backtest.quotes import MarketModel
from trading.backtest.report import report_of, report_text
from trading.backtest.run import Setup, backtest_run
from trading.domain.types import OrderType, Plan

NUMBERS: tuple[tuple[str, str, str], ...] = (
    ("balance", "1000", "What the account begins with, in quote currency."),
    ("capital", "100", "Quote currency a trade."),
    ("profit-target", "0.01", "A fraction of the entry price."),
    ("stop-loss", "0.009", "A fraction of the entry price."),
    ("confidence", "0.4", "Smallest confidence of a signal, 0 to 1."),
    ("max-drawdown", "0.2", "A fraction of the peak; no entries beyond it."),
    ("max-spread", "0.01", "A fraction of the price."),
    ("fee", "0.001", "Maker and taker fee, a fraction."),
    ("spread", "0.0004", "Of the quotes made from candles, a fraction of the price."),
    ("visible-share", "0.01", "Share of a candle's volume that each of its four quotes shows."),
)
STRATEGIES = f"One of: {', '.join(REGISTRY)}, custom:NAME, or the path of a strategy's file (FILE.py)"


class Command(BaseCommand):
    help = "Backtest one strategy over Parquet candles with the engine that trades."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--data", required=True, type=Path, help="A Parquet file or folder (BASE_QUOTE.parquet).")
        parser.add_argument("--strategy", required=True, help=f"{STRATEGIES}.")
        parser.add_argument("--symbols", nargs="*", default=[], help="Such as BTC/USDT; all of the folder without it.")
        parser.add_argument("--param", action="append", default=[], help="name=number, a parameter of the strategy.")
        parser.add_argument("--limit", type=int, help="Only the last so many candles.")
        parser.add_argument("--holding-time", type=int, default=20000, help="Seconds.")
        parser.add_argument("--max-positions", type=int, default=5)
        parser.add_argument("--maker", action="store_true", help="Enter with maker orders (60 s) instead of at market.")
        parser.add_argument("--json", action="store_true", help="Print the report as JSON.")
        for name, default, help_text in NUMBERS:
            parser.add_argument(f"--{name}", type=_decimal, default=Decimal(default), help=help_text)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            matrix = matrix_of(files_of(options["data"], options["symbols"]), limit=_limit(options["limit"]))
            timeframe_ms_of(matrix)  # refuses a single candle before anything is computed
            with rules_named(options["strategy"]) as rules:
                values = rules.validate(dict(_parameter(text) for text in options["param"]))
                decisions = _decisions(matrix, rules, values)
            specs = tuple(
                spec_of(matrix, row, maker_fee=options["fee"], taker_fee=options["fee"])
                for row in range(len(matrix.symbols))
            )
        except (DataError, ParameterError) as error:
            raise CommandError(str(error)) from error
        setup = Setup(
            matrix,
            decisions,
            specs,
            _plan(options),
            options["balance"],
            market=_market(options),
        )
        finished = backtest_run(setup)
        first, last = (open_time(int(matrix.open_time_ms[column])).isoformat() for column in (0, -1))
        report = report_of(finished, setup, strategy=rules.kind, first=first, last=last)
        self.stdout.write(json.dumps(report.as_json(), indent=1) if options["json"] else report_text(report))


def _decisions(matrix: Any, rules: Any, values: Any) -> Decisions:
    from signals.scan.pass_cpu import lanes_compute  # late: numba is heavy

    lanes = lanes_compute(matrix, rules.indicators(values))
    if isinstance(rules, CustomRules):
        return decide_honestly(rules, lanes, values, matrix.symbols)
    return rules.decide(lanes, values)


def _plan(options: dict[str, Any]) -> Plan:
    for name in ("balance", "capital", "profit_target", "stop_loss"):
        if options[name] <= 0:
            raise CommandError(f"--{name.replace('_', '-')} must be above zero, not {options[name]}.")
    if options["stop_loss"] >= 1 or options["max_positions"] < 1 or options["holding_time"] < 1:
        raise CommandError("--stop-loss must be below 1, --max-positions and --holding-time at least 1.")
    return Plan(
        config_id=UUID(int=0),
        confidence_threshold=options["confidence"],
        capital_per_trade=options["capital"],
        profit_target=options["profit_target"],
        stop_loss=options["stop_loss"],
        holding_time=timedelta(seconds=options["holding_time"]),
        entry_type=OrderType.LIMIT_MAKER if options["maker"] else OrderType.MARKET,
        maker_timeout=timedelta(seconds=60),
        taker_after_timeout=False,
        max_positions=options["max_positions"],
        max_drawdown=options["max_drawdown"],
        max_spread=options["max_spread"],
    )


def _market(options: dict[str, Any]) -> MarketModel:
    if not 0 <= options["spread"] < 1 or not 0 < options["visible_share"] <= 1 or not -1 < options["fee"] < 1:
        raise CommandError("--spread and --fee must be below 1, --visible-share above 0 and at most 1.")
    return MarketModel(spread=options["spread"], visible_share=options["visible_share"])


def _limit(value: int | None) -> int | None:
    if value is not None and value < 2:
        raise CommandError("--limit must be at least 2 candles.")
    return value


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise CommandError(f"{text!r} is not a number.") from None
    if not number.is_finite():
        raise CommandError(f"{text!r} is not a finite number.")
    return number


def _parameter(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        raise CommandError(f"--param takes name=number, not {text!r}.") from None
    return name, int(number) if number.is_integer() else number
