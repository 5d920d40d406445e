"""What trading wants to hear of: registered once per process, all of it light until something happens."""

from accounts.models import ExchangeAccount, Notice
from accounts.services.guards import on_account_remove, on_keys_delete, on_keys_replace
from accounts.services.notices import on_notice
from signals.held import on_held
from signals.listeners import on_signals
from signals.models import Scan, Signal
from signals.quotes import on_quotes
from signals.streams import on_start
from trading import live
from trading.market_push import market_push_start
from trading.models import Bot, Order, Position
from trading.selectors.deposit import symbols_valued
from trading.selectors.positions import symbols_in_use
from trading.services.effects import effects_saved
from trading.services.outcomes import trade_closed
from trading.services.payloads import signal_row
from trading.services.reconciliation import check_of_other_keys
from trading.store import on_closed, on_saved
from trading.user_streams import streams_watch
from trading.watch import watcher


def register() -> None:
    """Register every listener of this room."""
    on_saved(effects_saved)
    on_closed(_closed)
    on_signals(_signals)
    on_quotes(watcher.quotes_seen)
    on_start(streams_watch)
    on_held(symbols_in_use)
    on_held(symbols_valued)
    on_notice(_notice)
    on_account_remove(_account_kept)
    on_keys_delete(_something_open)
    on_keys_replace(check_of_other_keys)
    market_push_start()


def _closed(position: Position) -> None:
    trade_closed(position=position)


def _signals(_scan: Scan, signal_ids: list[int]) -> None:
    from trading.tasks import fan_out

    if signal_ids:
        fan_out.delay(signal_ids)
        rows = Signal.objects.filter(pk__in=signal_ids[:50]).select_related("instrument", "strategy")
        live.broadcast(live.Kind.SIGNAL, {"signals": [signal_row(row) for row in rows]})


def _notice(notice: Notice) -> None:
    payload = {
        "id": notice.public_id,
        "level": notice.level,
        "title": notice.title,
        "text": notice.text,
        "link": notice.link,
        "at": notice.created_at,
    }
    if notice.user_id:
        live.push(notice.user_id, live.Kind.NOTICE, payload)


def _account_kept(account: ExchangeAccount) -> str:
    """Why an account may not be removed; empty when it may."""
    if reason := _something_open(account):
        return reason
    if Bot.objects.filter(account=account, deleted_at=None, status=Bot.Status.RUNNING).exists():
        return "A bot runs on it: stop the bot first."
    return ""


def _something_open(account: ExchangeAccount) -> str:
    """What of it must be closed first, with its keys; empty when there is nothing."""
    open_positions = [Position.Status.OPENING, Position.Status.OPEN, Position.Status.CLOSING]
    open_orders = [Order.Status.PENDING, Order.Status.UNKNOWN, Order.Status.ACTIVE]
    if Position.objects.filter(account=account, status__in=open_positions).exists():
        return "It has open positions: close them first."
    if Order.objects.filter(account=account, status__in=open_orders).exists():
        return "It has open orders: cancel them first."
    return ""
