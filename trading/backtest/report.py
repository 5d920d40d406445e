"""What a backtest came to, as numbers and as JSON (money as text)."""

from collections import Counter
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from trading.backtest.run import Finished, Setup
from trading.domain.money import average_round, exact, text
from trading.domain.pnl import equity
from trading.domain.types import ZERO, PositionState


@dataclass(frozen=True, slots=True)
class Report:
    """Money in the account's quote currency. `win_rate` is wins over `trades` (None without trades).

    `max_drawdown` is the largest fall of realised equity from its peak, a fraction of the peak, measured at each close.
    `equity_end` counts what is still held at its last bid, but no dust; `left_over` is what that has cost.
    """

    strategy: str
    symbols: int
    candles: int
    candles_fed: int
    first: str
    last: str
    balance: Decimal
    equity_end: Decimal
    trades: int
    wins: int
    win_rate: Decimal | None
    pnl: Decimal
    left_over: Decimal
    fees: Decimal
    turnover: Decimal
    max_drawdown: Decimal
    best: Decimal
    worst: Decimal
    open_positions: int
    orders: int
    fills: int
    closed_by: dict[str, int]
    denied_by: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """All fields; decimals as text."""
        return {name: text(value) if isinstance(value, Decimal) else value for name, value in asdict(self).items()}


@exact
def report_of(finished: Finished, setup: Setup, *, strategy: str, first: str, last: str) -> Report:
    """The figures of a finished backtest."""
    trades = finished.results.trades()
    gains = [trade.realised_pnl for trade in trades]
    wins = sum(1 for gain in gains if gain > 0)
    held = finished.results.positions.values()
    return Report(
        strategy=strategy,
        symbols=len(setup.specs),
        candles=int(setup.matrix.open_time_ms.size),
        candles_fed=finished.candles,
        first=first,
        last=last,
        balance=setup.balance,
        equity_end=equity(finished.state),
        trades=len(trades),
        wins=wins,
        win_rate=average_round(Decimal(wins) / len(trades)) if trades else None,
        pnl=sum(gains, ZERO),
        left_over=sum((trade.dust_cost for trade in trades), ZERO),
        fees=sum((position.fees_quote for position in held), ZERO),
        turnover=sum((position.buy_cost + position.sell_proceeds for position in held), ZERO),
        max_drawdown=max_drawdown(setup.balance, trades),
        best=max(gains, default=ZERO),
        worst=min(gains, default=ZERO),
        open_positions=len(finished.state.positions),
        orders=len(finished.results.orders),
        fills=len(finished.results.fills),
        closed_by=dict(Counter(trade.close_reason for trade in trades)),
        denied_by=dict(Counter(denied.rule for denied in finished.results.denied)),
    )


def max_drawdown(balance: Decimal, trades: list[PositionState]) -> Decimal:
    """Largest fall from a peak of balance plus realised profit, as a fraction of that peak."""
    value = peak = balance
    worst = ZERO
    for trade in trades:
        value += trade.realised_pnl
        peak = max(peak, value)
        worst = max(worst, average_round(1 - value / peak)) if peak > 0 else worst
    return worst


def report_text(report: Report) -> str:
    """A few lines for a person."""
    rate = "no trades" if report.win_rate is None else f"{round(report.win_rate * 100, 1)} % of {report.trades} trades"
    reasons = ", ".join(f"{name} {count}" for name, count in sorted(report.closed_by.items())) or "none"
    denied = ", ".join(f"{name} {count}" for name, count in sorted(report.denied_by.items())) or "none"
    return "\n".join(
        [
            f"{report.strategy} on {report.symbols} symbols, {report.candles} candles, {report.first} to {report.last}",
            f"trades      {report.trades} ({report.open_positions} open), {report.orders} orders, {report.fills} fills",
            f"win rate    {rate}",
            f"PnL         {_money(report.pnl)} after {_money(report.fees)} fees on {_money(report.turnover)} turnover",
            f"equity      {_money(report.balance)} -> {_money(report.equity_end)}, without coins left over that cost "
            f"{_money(report.left_over)}",
            f"drawdown    {round(report.max_drawdown * 100, 2)} % (realised)",
            f"best, worst {_money(report.best)}, {_money(report.worst)}",
            f"closed by   {reasons}",
            f"denied      {denied}",
        ]
    )


def _money(value: Decimal) -> str:
    return f"{round(value, 2):,}"
