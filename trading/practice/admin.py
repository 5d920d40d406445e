"""The practice exchange's own endpoints: accounts are made here, and the full ledger is shown to tests.

They answer only when ``PRACTICE_ADMIN_TOKEN`` is set and the request carries it in ``X-Practice-Admin``.
"""

import hmac
import json
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from aiohttp import web

from trading.practice import reports
from trading.practice.accounts import Account, permissions_of
from trading.practice.acts import Stage
from trading.practice.auth import KEY_FORMAT
from trading.practice.decimals import plain
from trading.practice.errors import StartError
from trading.practice.exchange import Exchange
from trading.practice.faults import Desk, FaultRefused
from trading.practice.orders import Entry, Fill, Order

HEADER = "X-Practice-Admin"


class Admin:
    """Handlers of /practice/admin/*."""

    def __init__(self, exchange: Exchange, token: str | None, faults: Desk, stage: Stage) -> None:
        self._exchange, self._token, self._faults, self._stage = exchange, token, faults, stage

    def routes(self) -> list[web.RouteDef]:
        """No token, no routes."""
        if not self._token:
            return []
        return [
            web.post("/practice/admin/accounts", self.account_post),
            web.post("/practice/admin/deposit", self.deposit_post),
            web.get("/practice/admin/ledger", self.ledger_get),
            web.get("/practice/admin/faults", self.faults_get),
            web.put("/practice/admin/faults", self.faults_put),
            web.post("/practice/admin/acts", self.act_post),
        ]

    async def account_post(self, request: web.Request) -> web.Response:
        """Create an account, or change the secret and permissions of a known key."""
        self._guard(request)
        try:
            account = account_put(self._exchange, await request.json())
        except ValueError as error:
            return web.json_response({"msg": str(error)}, status=400)
        return web.json_response({"key": account.key, "balances": reports.balances(account)})

    async def deposit_post(self, request: web.Request) -> web.Response:
        """Add an amount of an asset to a key's account."""
        self._guard(request)
        wanted = await request.json()
        account = self._account(wanted.get("key"))
        try:
            amount = _amounts({wanted["asset"]: wanted["amount"]})[wanted["asset"]]
        except (KeyError, ValueError) as error:
            return web.json_response({"msg": f"asset and a positive amount are needed ({error})"}, status=400)
        self._exchange.deposit(account, wanted["asset"], amount)
        return web.json_response({"key": account.key, "balances": reports.balances(account)})

    async def ledger_get(self, request: web.Request) -> web.Response:
        """Everything that ever happened to a key's account."""
        self._guard(request)
        self._exchange.tick()
        return web.json_response(ledger(self._exchange, self._account(request.query.get("key"))))

    async def faults_get(self, request: web.Request) -> web.Response:
        """The script in force, what it has hit, and how many requests came during a ban."""
        self._guard(request)
        return web.json_response(self._faults.told())

    async def faults_put(self, request: web.Request) -> web.Response:
        """Put a script in force: {"faults": [{"kind": "timeout_after", "path": "order$"}], "seed": 7}."""
        self._guard(request)
        try:
            wanted = await request.json()
            self._faults.set(list(wanted.get("faults", ())), int(wanted.get("seed", 0)))
        except FaultRefused as error:
            return web.json_response({"msg": str(error)}, status=400)
        except (AttributeError, TypeError, ValueError) as error:
            return web.json_response({"msg": f"faults is a list, seed a whole number ({error})"}, status=400)
        return web.json_response(self._faults.told())

    async def act_post(self, request: web.Request) -> web.Response:
        """Something happens beside the platform's requests (see `trading.practice.acts`)."""
        self._guard(request)
        try:
            return web.json_response(self._stage.act(await request.json()))
        except ValueError as error:
            return web.json_response({"msg": str(error)}, status=400)

    def _guard(self, request: web.Request) -> None:
        if not hmac.compare_digest(request.headers.get(HEADER, "").encode(), (self._token or "").encode()):
            raise web.HTTPForbidden(text="wrong admin token")

    def _account(self, key: str | None) -> Account:
        account = self._exchange.by_key.get(key or "")
        if account is None:
            raise web.HTTPNotFound(text="no such key")
        return account


def ledger(exchange: Exchange, account: Account) -> dict[str, Any]:
    """Orders, fills, ledger lines and balances, oldest first, amounts as decimal texts."""
    mine = "account = ? ORDER BY id", (account.id,)
    return {
        "orders": [reports.order_status(order) for order in exchange.store.select(Order, *mine)],
        "fills": [reports.fill_status(fill) for fill in exchange.store.select(Fill, *mine)],
        "entries": [_entry(entry) for entry in exchange.store.select(Entry, *mine)],
        "balances": reports.balances(account),
    }


def _entry(entry: Entry) -> dict[str, Any]:
    names = ("id", "time", "kind", "asset", "order_id", "fill_id", "note")
    return {name: getattr(entry, name) for name in names} | {"amount": plain(entry.amount)}


def account_put(exchange: Exchange, wanted: Any) -> Account:
    """Create an account from its JSON description; raises ValueError that says what is wrong."""
    if not isinstance(wanted, dict) or not {"key", "secret"} <= set(wanted):
        raise ValueError("an account needs key and secret")
    if not KEY_FORMAT.fullmatch(str(wanted["key"])):
        raise ValueError("a key has 8 to 128 letters, digits, - or _")
    permissions = permissions_of(wanted.get("permissions", ("read", "spot")))
    return exchange.account_put(wanted["key"], wanted["secret"], permissions, _amounts(wanted.get("balances", {})))


def _amounts(texts: dict[str, str]) -> dict[str, Decimal]:
    try:
        amounts = {asset: Decimal(text) for asset, text in texts.items()}
    except (InvalidOperation, TypeError):
        raise ValueError("balances are decimal numbers written as texts") from None
    if not all(amount.is_finite() and amount > 0 for amount in amounts.values()):
        raise ValueError("balances must be positive")
    return amounts


def accounts_load(exchange: Exchange, path: Path) -> None:
    """Create the accounts of a file; those the state knows keep their balances."""
    try:
        for wanted in json.loads(path.read_text()):
            account_put(exchange, wanted)
    except (OSError, ValueError, TypeError) as error:
        raise StartError(f"{path}: not a list of accounts ({error})") from None
