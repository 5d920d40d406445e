"""A parameter set of a sweep, run again through the engine's `step()`: the figure to believe.

A sweep is a declared approximation on floats. The engine has lots and ticks, quotes with a spread, a fee in base
currency on a buy, risk rules, and fills from the next candle's open on (so `--fill close` is one candle early). To be
compared, both go all in from the same balance: half a spread a side is the slippage, the quotes show all of a candle's
volume, and stop and take are the plan's levels, far away where the sweep has none.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from signals.candles.matrix import CandleMatrix, CandleTable
from signals.domain.strategies.base import Strategy
from signals.sweep.rules import Rules
from trading.backtest.data import DataError, spec_of
from trading.backtest.quotes import MarketModel
from trading.backtest.report import report_of
from trading.backtest.run import Setup, backtest_run
from trading.domain.money import money
from trading.domain.types import OrderType, Plan

FAR_STOP, FAR_TAKE = Decimal("0.99"), Decimal(1_000_000)
FOREVER = timedelta(days=36_500)


@dataclass(frozen=True, slots=True)
class EngineFigures:
    """What the engine came to: equity in quote currency, closed trades, realised drawdown, entries that risk denied."""

    final_equity: Decimal
    trades: int
    max_drawdown: Decimal
    open_positions: int
    denied: int

    def as_json(self) -> dict[str, float | int]:
        """Money as float, beside a sweep's floats."""
        return {
            "final_equity": float(self.final_equity),
            "trades": self.trades,
            "max_drawdown": float(self.max_drawdown),
            "open": self.open_positions,
            "denied": self.denied,
        }


def engine_run(
    symbol: str, table: CandleTable, strategy: Strategy, values: dict[str, float], rules: Rules
) -> EngineFigures:
    """One symbol, one complete parameter set. Raises DataError for prices that cannot be traded."""
    from signals.scan.pass_cpu import lanes_compute  # late: numba is heavy

    matrix = CandleMatrix(
        (symbol,),
        table.open_time_ms,
        *(getattr(table, name)[None, :] for name in ("open", "high", "low", "close", "volume")),
    )
    fee = money(rules.fee)
    try:
        spec = replace(spec_of(matrix, 0, maker_fee=fee, taker_fee=fee), min_notional=Decimal(0))
        setup = Setup(
            matrix, strategy.decide(lanes_compute(matrix, strategy.indicators(values)), values), (spec,), _plan(rules),
            money(rules.balance), spec.quote, MarketModel(2 * money(rules.slippage), Decimal(1)), all_in=True,
        )  # fmt: skip
        report = report_of(backtest_run(setup), setup, strategy=strategy.kind, first="", last="")
    except (ValueError, ArithmeticError) as error:
        raise DataError(f"{symbol}: the engine cannot trade these candles: {error}") from error
    denied = sum(report.denied_by.values())
    return EngineFigures(report.equity_end, report.trades, report.max_drawdown, report.open_positions, denied)


def _plan(rules: Rules) -> Plan:
    return Plan(
        config_id=UUID(int=0),
        confidence_threshold=Decimal(0),
        capital_per_trade=money(rules.balance),
        profit_target=money(rules.take) if rules.take > 0 else FAR_TAKE,
        stop_loss=money(rules.stop) if rules.stop > 0 else FAR_STOP,
        holding_time=FOREVER,
        entry_type=OrderType.MARKET,
        maker_timeout=timedelta(seconds=60),
        taker_after_timeout=False,
        max_positions=1,
        max_drawdown=Decimal(1),
        max_spread=Decimal(1),
    )
