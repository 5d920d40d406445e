"""What happens at an exchange beside the platform's own requests: to accounts, to markets, to sockets. For tests.

`POST /practice/admin/acts` with `{"act": "withdraw", "key": "...", "asset": "USDT", "amount": "100"}`.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from trading.practice import desk
from trading.practice.accounts import Account, permissions_of
from trading.practice.errors import ApiError
from trading.practice.exchange import Exchange
from trading.practice.hub import Hub
from trading.practice.params import Params

STATUSES = ("TRADING", "BREAK", "HALT")
EVERYTHING = "1e15"  # more than can wait anywhere


class ActRefused(ValueError):
    """An act that cannot be; the message says what is needed."""


class Stage:
    """Where acts take place."""

    def __init__(self, exchange: Exchange, hub: Hub) -> None:
        self.exchange, self.hub = exchange, hub

    def act(self, wanted: Any) -> dict[str, Any]:
        """Do it. Raises ActRefused; then nothing has changed."""
        if not isinstance(wanted, dict) or wanted.get("act") not in ACTS:
            raise ActRefused(f"act is one of: {', '.join(sorted(ACTS))}.")
        try:
            return ACTS[wanted["act"]](self, wanted)
        except ApiError as error:
            raise ActRefused(f"The exchange refuses: {error.message} ({error.code})") from error
        except KeyError as error:
            raise ActRefused(f"{wanted['act']} needs {error.args[0]}.") from error
        except (InvalidOperation, TypeError) as error:
            raise ActRefused(f"Amounts are decimal numbers written as texts ({error}).") from error

    def account(self, wanted: dict[str, Any]) -> Account:
        """The account of `key`."""
        found = self.exchange.by_key.get(wanted["key"])
        if found is None:
            raise ActRefused("There is no such key.")
        return found


def _deposit(stage: Stage, wanted: dict[str, Any]) -> dict[str, Any]:
    """Money comes from outside."""
    amount = _amount(wanted)
    stage.exchange.deposit(stage.account(wanted), wanted["asset"], amount)
    return {"amount": str(amount)}


def _withdraw(stage: Stage, wanted: dict[str, Any]) -> dict[str, Any]:
    """Money leaves by another way than ours."""
    account, amount = stage.account(wanted), _amount(wanted)
    if account.free[wanted["asset"]] < amount:
        raise ActRefused(f"Only {account.free[wanted['asset']]} {wanted['asset']} are free.")
    stage.exchange.deposit(account, wanted["asset"], -amount)
    return {"amount": str(amount)}


def _amount(wanted: dict[str, Any]) -> Decimal:
    amount = Decimal(wanted["amount"])
    if not amount.is_finite() or amount <= 0:
        raise ActRefused("amount must be above zero.")
    return amount


def _key_revoke(stage: Stage, wanted: dict[str, Any]) -> dict[str, Any]:
    """The key is refused from now on, and its sockets are closed."""
    account = stage.account(wanted)
    stage.exchange.revoked.add(account.key)
    return {"closed": _close(stage, account.id)}


def _key_restore(stage: Stage, wanted: dict[str, Any]) -> dict[str, Any]:
    """The key is good again."""
    stage.exchange.revoked.discard(stage.account(wanted).key)
    return {}


def _key_permissions(stage: Stage, wanted: dict[str, Any]) -> dict[str, Any]:
    """Its owner has changed what the key may do: a list of `permissions` (read, spot, withdraw)."""
    account = stage.account(wanted)
    try:
        account.permissions = permissions_of(wanted["permissions"])
    except ValueError as error:
        raise ActRefused(str(error)) from error
    return {"permissions": sorted(account.permissions)}


def _order_by_hand(stage: Stage, wanted: dict[str, Any]) -> dict[str, Any]:
    """The owner trades at the exchange: `order` holds Binance's own parameters."""
    order, fills = desk.order_place(stage.exchange, stage.account(wanted), Params(wanted["order"]))
    return {"orderId": order.id, "status": order.status, "fills": len(fills)}


def _cancel_by_hand(stage: Stage, wanted: dict[str, Any]) -> dict[str, Any]:
    """The owner cancels at the exchange: `order` names it (symbol, orderId or origClientOrderId)."""
    order, _ = desk.order_cancel(stage.exchange, stage.account(wanted), Params(wanted["order"]))
    return {"orderId": order.id, "status": order.status}


def _sockets_close(stage: Stage, wanted: dict[str, Any]) -> dict[str, Any]:
    """Connections end: those of `key`, or all."""
    return {"closed": _close(stage, stage.account(wanted).id if "key" in wanted else None)}


def _close(stage: Stage, account: int | None) -> int:
    clients = stage.hub.clients_of(account)
    for client in clients:
        client.stop()
    return len(clients)


def _sockets_stall(stage: Stage, wanted: dict[str, Any]) -> dict[str, Any]:
    """Connections stay open and say nothing for so many `seconds`: those of `key`, or all."""
    clients = stage.hub.clients_of(stage.account(wanted).id if "key" in wanted else None)
    for client in clients:
        client.stalled_until = time.monotonic() + float(wanted["seconds"])
    return {"stalled": len(clients)}


def _symbol_status(stage: Stage, wanted: dict[str, Any]) -> dict[str, Any]:
    """A pair stops trading (BREAK, HALT) or trades again."""
    if wanted["status"] not in STATUSES:
        raise ActRefused(f"status is one of: {', '.join(STATUSES)}.")
    return _relisted(stage, wanted, status=wanted["status"])


def _filters_change(stage: Stage, wanted: dict[str, Any]) -> dict[str, Any]:
    """Other grids for orders: `step` (base), `tick` (quote), `min_notional`; what is left out stays."""
    names = {"step": "step", "tick": "price_step", "min_notional": "min_notional"}
    changed = {field: Decimal(wanted[name]) for name, field in names.items() if name in wanted}
    if not changed or not all(value.is_finite() and value > 0 for value in changed.values()):
        raise ActRefused(f"filters_change needs one of {', '.join(names)}, above zero.")
    return _relisted(stage, wanted, **changed)


def _spike(stage: Stage, wanted: dict[str, Any]) -> dict[str, Any]:
    """Others trade `amount` (all that waits, if not said) with this account at `price`, far from the book: its stops
    trigger, its orders fill."""
    exchange, symbol = stage.exchange, stage.exchange.market.listing(wanted["symbol"]).symbol
    price, now = Decimal(wanted["price"]), stage.exchange.reach(wanted["symbol"])
    amount = Decimal(wanted.get("amount", EVERYTHING))
    if not (price.is_finite() and amount.is_finite() and price > 0 and amount > 0):
        raise ActRefused("price and amount must be above zero.")
    waiting = [one for one in exchange.engine.open.of_symbol(symbol) if not one.working]
    exchange.engine.trade_with(stage.account(wanted).id, symbol, price, amount, now)
    exchange.commit(now)
    return {"triggered": sum(bool(one.working) for one in waiting)}


def _relisted(stage: Stage, wanted: dict[str, Any], **changed: Any) -> dict[str, Any]:
    listing = stage.exchange.market.listing(wanted["symbol"])
    stage.exchange.market.listings[listing.symbol] = replace(listing, **changed)
    return {"filters": stage.exchange.market.listings[listing.symbol].filters()}


ACTS: dict[str, Callable[[Stage, dict[str, Any]], dict[str, Any]]] = {
    "deposit": _deposit,
    "withdraw": _withdraw,
    "key_revoke": _key_revoke,
    "key_restore": _key_restore,
    "key_permissions": _key_permissions,
    "order_by_hand": _order_by_hand,
    "cancel_by_hand": _cancel_by_hand,
    "sockets_close": _sockets_close,
    "sockets_stall": _sockets_stall,
    "symbol_status": _symbol_status,
    "filters_change": _filters_change,
    "spike": _spike,
}
