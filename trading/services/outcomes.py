"""What follows when a trade has closed: the outcome for learning, the bot's day, a notice if its owner wants one."""

from datetime import UTC, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from accounts.clock import now
from accounts.fields import decimal_text
from accounts.services.notices import notice_send
from signals.models import Outcome
from trading.models import Position
from trading.services.stats import stats_update


def trade_closed(*, position: Position) -> Outcome | None:
    """Record a closed trade; repeating it (or a late fill) updates what was recorded instead of adding to it.

    A trade of which the bot sold nothing (all of it was taken out by hand) teaches nothing: None.
    """
    with transaction.atomic():
        outcome, created = None, False
        if position.sold:
            outcome, created = Outcome.objects.update_or_create(trade_id=position.public_id, defaults=_facts(position))
        assert position.closed_at is not None
        stats_update(bot_id=position.bot_id, day=position.closed_at.astimezone(UTC).date())
        if created and "trades" in (position.config.notifications or []):
            _notice(position)
    return outcome


def trades_unrecorded_record() -> int:
    """Record trades that closed in the last day without it (a worker was killed in between). Returns how many."""
    recorded = Outcome.objects.filter(trade_id=OuterRef("public_id"))
    missed = Position.objects.filter(
        status=Position.Status.CLOSED, closed_at__gte=now() - timedelta(days=1), sold__gt=0
    )
    missed = missed.exclude(Exists(recorded))
    rows = list(missed.select_related("bot__user", "config", "instrument", "account", "signal")[:500])
    for row in rows:
        trade_closed(position=row)
    return len(rows)


def _facts(position: Position) -> dict[str, object]:
    cost = position.buy_cost - position.gone_cost
    return {
        "signal": position.signal,
        "instrument": position.instrument,
        "strategy": position.signal.strategy if position.signal else None,
        "timeframe": position.config.timeframe,
        "mode": position.account.mode,
        "opened_at": position.opened_at,
        "closed_at": position.closed_at,
        "return_net": float(position.realised_pnl / cost) if cost > 0 else 0.0,
        "close_reason": position.close_reason,
    }


def _notice(position: Position) -> None:
    gain = position.realised_pnl
    quote = position.instrument.quote
    notice_send(
        user=position.bot.user,
        level="ok" if gain >= 0 else "info",
        title=f"{position.bot.name} closed {position.instrument.symbol}: {gain:+.2f} {quote}",
        text=f"Reason: {position.close_reason}. Fees: {decimal_text(position.fees_quote)} {quote}.",
        link=f"/trades/{position.public_id}/",
    )
