"""The demo's people: a staff user, a trader on paper, and a trader whose orders go to the practice exchange."""

import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from accounts.exchanges.endpoints import endpoints_for
from accounts.exchanges.errors import ExchangeError
from accounts.models import ExchangeAccount, User
from accounts.services.exchange_accounts import account_add, account_attest, account_verify
from accounts.services.users import user_create
from signals.models import Strategy
from signals.services.strategies import strategies_ensure
from trading.models import Bot
from trading.selectors.standing import account_problem
from trading.services.bots import bot_create, bot_start

Say = Callable[[str], None]
PRACTICE_BALANCE_USDT = "10000"


@dataclass(frozen=True)
class DemoBot:
    """One bot of a demo trader: the defaults with differences, following one strategy kind or all."""

    name: str
    kind: str | None
    changes: dict[str, Any]


# More goes on than with the defaults. At the usual speed a candle of a minute holds an hour of the practice market:
# narrower stops end a trade in seconds, pauses are as much shorter, and prices jump.
DEMO = {
    "max_positions": 4, "holding_time_s": 900,
    "pause_s": 60, "stop_cooldown_s": 5, "price_band": "0.5", "max_slippage": "0.02",
}  # fmt: skip
FAST_MARKET = {"profit_target": "0.025", "stop_loss": "0.018"}
STAFF, PAPER, PRACTICE = "staff@xray.example", "paper@xray.example", "practice@xray.example"
PAPER_BOTS = (
    DemoBot("Trend rider", "ma_cross", {"entry_type": "market", "capital_per_trade": "250"}),
    DemoBot("Dip finder", "rsi_divergence", {"profit_target": "0.008", "stop_loss": "0.006", "holding_time_s": 600}),
    DemoBot("Everything", None, {"entry_type": "market", "max_positions": 6, "holding_time_s": 420}),
)
PRACTICE_BOTS = (
    DemoBot("Breakout", "bollinger_breakout", {"entry_type": "market", "holding_time_s": 600}),
    DemoBot("All signals", None, {"max_positions": 3}),
)


def demo_setup(say: Say) -> None:
    """Create what is missing. Bots that were stopped or deleted since stay so; passwords follow `.env`."""
    strategies_ensure()
    _user(STAFF, User.Role.STAFF, "Staff", settings.XRAY_DEMO_STAFF_PASSWORD, say)
    exchange = settings.XRAY_MARKET_EXCHANGES[0]
    if paper := _user(PAPER, User.Role.TRADER, "Paper trader", settings.XRAY_DEMO_PAPER_PASSWORD, say):
        _bots(_paper_account(paper, exchange), PAPER_BOTS, say)
    if endpoints_for(exchange) is None:
        return
    if trader := _user(PRACTICE, User.Role.TRADER, "Practice trader", settings.XRAY_DEMO_PRACTICE_PASSWORD, say):
        _bots(_practice_account(trader, exchange, say), PRACTICE_BOTS, say)


def _user(email: str, role: str, name: str, password: str, say: Say) -> User | None:
    """The demo user, or None where no password is set for it."""
    if not password:
        return None
    user = User.objects.filter(email=email).first()
    if user is None:
        say(f"creating {email}")
        return user_create(email=email, password=password, role=role, name=name)
    if not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    return user


def _paper_account(user: User, exchange: str) -> ExchangeAccount:
    name = f"Paper on {exchange}"
    found = user.exchange_accounts.filter(name=name).first()
    return found or account_add(user=user, name=name, exchange=exchange, mode=ExchangeAccount.Mode.PAPER)


def _practice_account(user: User, exchange: str, say: Say) -> ExchangeAccount | None:
    """The account with keys at the overridden endpoint; None when that server gives us no keys."""
    name = f"Practice on {exchange}"
    account = user.exchange_accounts.filter(name=name).first()
    if account is None:
        keys = _practice_keys(exchange)
        if keys is None:
            say(f"{exchange}'s stand-in gives no demo keys: add an exchange account with keys of your own on the page")
            return None
        account = account_add(
            user=user,
            name=name,
            exchange=exchange,
            mode=ExchangeAccount.Mode.PRACTICE,
            api_key=keys[0],
            api_secret=keys[1],
        )
    if account.verification == ExchangeAccount.Verification.UNVERIFIED:
        account = _verified(account, say)
    return account


def _verified(account: ExchangeAccount, say: Say) -> ExchangeAccount:
    """Verify the keys. Whoever set up the demo gave it its keys: what no server tells of them is attested, audited."""
    try:
        account = account_verify(account_id=account.pk) or account
    except ExchangeError as error:
        say(f"the practice keys could not be verified yet: {error}")
    if account.verification == ExchangeAccount.Verification.UNPROVEN:
        say("the server does not tell what the practice keys may do; the demo attests that they may not withdraw")
        account_attest(account=account, actor=account.user)
    return account


def _practice_keys(exchange: str) -> tuple[str, str] | None:
    """Keys of a new account at our practice exchange: those that are set (another server may know them), or fresh."""
    key, secret = settings.XRAY_DEMO_API_KEY, settings.XRAY_DEMO_API_SECRET
    made = key or f"demo{secrets.token_hex(16)}", secret or secrets.token_hex(32)
    return made if _practice_account_made(exchange, *made) or (key and secret) else None


def _practice_account_made(exchange: str, key: str, secret: str) -> bool:
    """Whether the server behind the endpoints is our practice exchange and has made an account with these keys."""
    endpoints = endpoints_for(exchange)
    if endpoints is None or not settings.PRACTICE_ADMIN_TOKEN:
        return False
    wanted = {
        "key": key,
        "secret": secret,
        "permissions": ["read", "spot"],
        "balances": {"USDT": PRACTICE_BALANCE_USDT},
    }
    request = urllib.request.Request(
        f"{endpoints.rest}/practice/admin/accounts",
        data=json.dumps(wanted).encode(),
        headers={"X-Practice-Admin": settings.PRACTICE_ADMIN_TOKEN, "Content-Type": "application/json"},
    )
    try:
        # The address is the operator's own setting, checked to be http or https.
        with urllib.request.urlopen(request, timeout=60):  # nosec B310
            return True
    except (OSError, urllib.error.URLError):
        return False


def _bots(account: ExchangeAccount | None, wanted: tuple[DemoBot, ...], say: Say) -> None:
    if account is None:
        return
    for bot in wanted:
        if not Bot.objects.filter(user=account.user, name=bot.name).exists():
            _bot(account, bot, say)


def _bot(account: ExchangeAccount, wanted: DemoBot, say: Say) -> None:
    strategy = Strategy.objects.filter(kind=wanted.kind, enabled=True).order_by("-version").first()
    data = {
        **DEMO,
        **wanted.changes,
        **(FAST_MARKET if endpoints_for(account.exchange) else {}),
        "name": wanted.name,
        "account": account.public_id,
        "timeframe": settings.XRAY_TIMEFRAMES[0],
        "source": "strategy" if strategy else "aggregate",
        "strategy": strategy.public_id if strategy else None,
        "use_model": True,
    }
    made = bot_create(user=account.user, data=data)
    if problem := account_problem(account):
        say(f"{wanted.name} is created but not started: {problem}")
        return
    bot_start(bot=made, actor=account.user)
