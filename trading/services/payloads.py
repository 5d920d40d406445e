"""Rows as the browser gets them (see the payload types in `trading.live`)."""

from datetime import datetime
from decimal import Decimal

from accounts.fields import decimal_text
from signals.models import Signal
from trading.domain.money import average_round, exact
from trading.live import FillPayload, OrderPayload, PositionPayload, SignalRow
from trading.models import Fill, Order, Position


@exact
def position_payload(row: Position) -> PositionPayload:
    """Needs account, bot and instrument loaded."""
    entry = average_round(row.buy_cost / row.bought) if row.bought else Decimal(0)
    return {
        "id": str(row.public_id),
        "account": str(row.account.public_id),
        "bot": str(row.bot.public_id),
        "symbol": row.instrument.symbol,
        "status": row.status,
        "amount": decimal_text(row.amount),
        "entry": decimal_text(entry),
        "stop": _text(row.stop_price),
        "target": _text(row.target_price),
        "realised_pnl": decimal_text(row.realised_pnl),
        "close_reason": row.close_reason,
        "opened_at": row.opened_at.isoformat(),
        "closed_at": _time(row.closed_at),
    }


def order_payload(row: Order) -> OrderPayload:
    """Needs account, bot, position and instrument loaded."""
    return {
        "id": str(row.public_id),
        "account": str(row.account.public_id),
        "bot": str(row.bot.public_id),
        "position": str(row.position.public_id) if row.position else None,
        "symbol": row.instrument.symbol,
        "side": row.side,
        "type": row.type,
        "status": row.status,
        "amount": decimal_text(row.amount),
        "price": _text(row.price),
        "filled": decimal_text(row.filled),
        "reason": row.reason,
        "created_at": row.created_at.isoformat(),
    }


def fill_payload(row: Fill) -> FillPayload:
    """Needs account, instrument, and the order with its bot and position loaded."""
    return {
        "id": str(row.public_id),
        "account": str(row.account.public_id),
        "bot": str(row.order.bot.public_id),
        "order": str(row.order.public_id),
        "position": str(row.order.position.public_id) if row.order.position else None,
        "symbol": row.instrument.symbol,
        "side": row.side,
        "price": decimal_text(row.price),
        "amount": decimal_text(row.amount),
        "fee": decimal_text(row.fee),
        "fee_currency": row.fee_currency,
        "executed_at": row.executed_at.isoformat(),
    }


def signal_row(row: Signal) -> SignalRow:
    """Needs instrument and strategy loaded."""
    return {
        "id": str(row.public_id),
        "exchange": row.instrument.exchange,
        "symbol": row.instrument.symbol,
        "timeframe": row.timeframe,
        "side": row.side,
        "confidence": row.confidence,
        "strategy": row.strategy.name,
        "reason": row.reason,
        "candle_open_time": row.candle_open_time.isoformat(),
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else decimal_text(value)


def _time(value: datetime | None) -> str | None:
    return value.isoformat() if value else None
