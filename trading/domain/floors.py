"""How far open positions may fall until a running rule says something: what watchers and backtests wait for.

Between two events of an account only prices move, so every rule on losses is a floor under the sum of the results of
open positions (proceeds - cost - cash fees + amount at the bid).
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from trading.domain import pnl
from trading.domain.money import exact
from trading.domain.risk_state import holding
from trading.domain.types import ZERO, AccountState, PositionState

ONE = Decimal(1)


@exact
def floors(state: AccountState, at: datetime) -> dict[UUID | None, Decimal]:
    """Per bot that holds something, and under None for all together; without those whose rules are in force already."""
    found: dict[UUID | None, Decimal] = {}
    holders = {held.bot_id for held in state.positions.values()} & state.bots.keys()
    for bot_id in sorted(holders):
        limits, held = state.bots[bot_id].plan.limits, holding(state, bot_id, at)
        if limits.daily_loss < ONE and "daily_loss" not in held:
            found[bot_id] = _loss_floor(state, limits.daily_loss, bot_id)
        wide = [] if "account_loss" in held or state.limits.daily_loss >= ONE else [_account_floor(state)]
        wide += [] if "drawdown" in held else [_peak_floor(state, state.bots[bot_id].plan.max_drawdown)]
        if wide:
            found[None] = max(found.get(None, wide[0]), *wide)
    return found


def cash_part(positions: Iterable[PositionState]) -> Decimal:
    """What open positions have cost so far: their result without what they hold."""
    return sum((pnl.cash_part(position) for position in positions), ZERO)


def _account_floor(state: AccountState) -> Decimal:
    return _loss_floor(state, state.limits.daily_loss, None)


def _loss_floor(state: AccountState, allowed: Decimal, bot_id: UUID | None) -> Decimal:
    book = state.risk
    booked = sum((value for bot, value in book.booked.items() if bot_id in (None, bot)), ZERO)
    held = [p for p in state.positions.values() if bot_id in (None, p.bot_id)]
    return sum((book.base.get(p.position_id, ZERO) for p in held), ZERO) - booked - allowed * book.day_equity


def _peak_floor(state: AccountState, allowed: Decimal) -> Decimal:
    cash = state.balances.get(state.quote_currency, ZERO)
    return state.peak_equity * (1 - allowed) - cash + cash_part(state.positions.values())
