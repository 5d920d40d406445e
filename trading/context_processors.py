"""What the shell of every page shows: mode, connection, account value, today, stop, counts. Four queries."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.http import HttpRequest

from accounts.clock import now
from accounts.exchanges.budget import ban_ends
from accounts.models import ExchangeAccount, User
from signals.selectors import exchange_is_read
from trading.domain.types import StopLevel
from trading.selectors.accounts import connection_state, today_base_of
from trading.selectors.positions import open_value
from trading.selectors.shell import counts_read, market_state, stops_over
from trading.selectors.stops import stop_words
from trading.views.scope import account_shown, accounts_of

WORDS = {"live": "live", "stale": "stale", "down": "disconnected", "off": "not read here"}
STOP_LABELS = {0: "Running", 1: "No new entries", 2: "Reduce only", 3: "Flattening"}
TAKER_FEE = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Sale:
    """All open positions sold at market: about what they are worth, and the fees of it."""

    value: Decimal
    fees: Decimal


@dataclass(slots=True)
class Shell:
    """Values of the bar, the navigation and the STOP control."""

    user: User
    here: str = "/"
    rendered_at: float = 0.0  # Unix time: what happened after it is asked for when the page's socket opens
    accounts: list[ExchangeAccount] = field(default_factory=list)
    account: ExchangeAccount | None = None
    mode: str = ""
    mode_label: str = ""
    quote: str = "USDT"
    exchange_label: str = ""
    connection: str = "down"
    connection_word: str = "disconnected"
    last_event_at: datetime | None = None
    barred_until: datetime | None = None  # it asked us to wait: nothing is sent
    account_value: Decimal | None = None
    today: Decimal | None = None
    today_base: Decimal | None = None
    deposits: Decimal | None = None
    stop_level: int = 0
    stop_own: int = 0
    stop_own_id: UUID | None = None
    stop_label: str = "Running"
    stops_other: list[str] = field(default_factory=list)
    unread: int = 0
    bots_total: int = 0
    bots_running: int = 0
    positions_open: int = 0
    entries_open: int = 0

    @property
    def sale(self) -> Sale:
        """What flattening sells now (one query, for the ladder alone)."""
        value = open_value(self.user)
        return Sale(value, value * TAKER_FEE)


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `shell` for logged-in users, nothing for others."""
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return {}
    if not hasattr(request, "_shell"):
        request._shell = _build(request, user)  # type: ignore[attr-defined]
    return {"shell": request._shell}  # type: ignore[attr-defined]


def _build(request: HttpRequest, user: User) -> Shell:
    values = Shell(user, here=page_of(request), rendered_at=now().timestamp())
    values.accounts, values.account = accounts_of(request), account_shown(request)
    _account_fill(values)
    _stops_fill(values, user)
    _counts_fill(values, user)
    return values


def page_of(request: HttpRequest) -> str:
    """Path of the page that is open: of a partial it is the page that asked for it, of a refused form its page."""
    current = request.headers.get("HX-Current-URL", "")
    return urlsplit(current).path or "/" if current else str(getattr(request, "page_path", request.path))


def _account_fill(values: Shell) -> None:
    account: Any = values.account
    if account is None:
        _market_fill(values)
        return
    values.mode, values.mode_label = account.mode, account.get_mode_display()
    values.quote, values.exchange_label = account.quote_currency, account.get_exchange_display()
    _connection_fill(values, account.exchange, account.exchange_connection, account.exchange_event_at)
    values.account_value, values.today_base = account.equity_now, today_base_of(account)
    values.deposits = account.deposits_now
    if values.account_value is not None and values.today_base is not None:
        values.today = values.account_value - values.today_base


def _market_fill(values: Shell) -> None:
    """Without an account the bar tells of the market that the pages show."""
    state = market_state()
    if state is not None:
        values.exchange_label = state.get_exchange_display()
        _connection_fill(values, state.exchange, state.connection, state.last_event_at)


def _connection_fill(values: Shell, exchange: str, connection: str | None, last_event_at: datetime | None) -> None:
    values.last_event_at = last_event_at
    values.connection = connection_state(connection, last_event_at)
    if values.connection == "down" and not exchange_is_read(exchange=exchange):
        values.connection = "off"  # nobody reads it: nothing is broken
    values.connection_word, values.barred_until = WORDS[values.connection], ban_ends(exchange)


def _stops_fill(values: Shell, user: User) -> None:
    for switch in stops_over(user, values.accounts):
        values.stop_level = max(values.stop_level, switch.level)
        if switch.scope == switch.Scope.USER and not switch.imposed:
            values.stop_own, values.stop_own_id = switch.level, switch.public_id
        else:
            values.stops_other.append(stop_words(switch))
    values.stop_label = STOP_LABELS[min(values.stop_level, StopLevel.FLATTEN)]


def _counts_fill(values: Shell, user: User) -> None:
    counts = counts_read(user)
    values.bots_total, values.bots_running = counts.bots_total, counts.bots_running
    values.positions_open, values.entries_open = counts.positions_open, counts.entries_open
    values.unread = counts.unread
