"""One account's connection to the exchange, with weather: answers that are lost, late, wrong or refused."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from accounts.exchanges.errors import ExchangeAmbiguous, ExchangeError, ExchangeRetry, ExchangeStopped
from tests.faults.simulation.exchange import SimExchange
from trading.domain.types import OrderState

CREATE = (
    "lost_before", "lost_after", "late", "very_late", "busy", "unknown_before", "unknown_after", "no_id", "garbage",
    "revoked",
)  # fmt: skip
LISTED = timedelta(seconds=8)  # until a trade is in every list
ASK = ("lost", "busy", "garbage", "lost_after")


class SimDesk:
    """Implements `trading.turn.ports.Exchange`."""

    def __init__(self, world: Any, exchange: SimExchange, account_id: int) -> None:
        self.world, self.exchange, self.account_id = world, exchange, account_id

    def order_create(self, order: OrderState, leaving: Any) -> dict[str, Any]:
        world, accept = self.world, lambda: self.exchange.accept(self.account_id, order, signed)
        world.queue()
        leaving(order)
        signed = world.now()
        world.point("leaving")
        self._revoked()
        match world.weather("create", CREATE):
            case "lost_before" | "unknown_before":
                raise ExchangeAmbiguous("No answer.")
            case "busy":
                raise ExchangeRetry("Too many requests.")
            case "late" | "very_late" as kind:
                seconds = world.rng.uniform(0.2, 8) if kind == "late" else world.rng.uniform(8, 30)
                world.later(seconds, lambda: _quietly(accept))
                raise ExchangeAmbiguous("No answer in time.")
            case "lost_after" | "unknown_after":
                accept()
                raise ExchangeAmbiguous("The answer was lost.")
            case "no_id":
                accept()
                raise ExchangeAmbiguous("The exchange answered without an order id.")
            case "garbage":
                made = accept()
                return {
                    "id": made.id,
                    "status": world.rng.choice(["odd", None, "open"]),
                    "filled": "much",
                    "trades": None,
                }
            case "revoked":
                world.revoke(self.account_id)
                raise ExchangeStopped("The key was revoked.")
        made = accept()
        world.point("accepted")
        return self._answer(made)

    def order_cancel(self, order: OrderState) -> None:
        world = self.world
        world.point("cancel")
        self._revoked()
        kind = world.weather("cancel", ASK)
        if kind in ("lost", "garbage"):
            raise ExchangeAmbiguous("No answer.")
        if kind == "busy":
            raise ExchangeRetry("Too many requests.")
        self.exchange.cancel(self.account_id, order)
        world.point("cancelled")
        if kind == "lost_after":
            raise ExchangeAmbiguous("The answer was lost.")

    def order_look(self, order: OrderState) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        self._asked("look")
        found = self.exchange.find(self.account_id, order)
        return self._answer(found), self._trades(found)

    def order_trades(self, order: OrderState, exchange_order_id: str) -> list[dict[str, Any]]:
        self._asked("trades")
        return self._trades(self.exchange.find(self.account_id, order))

    def trades_since(self, symbol: str, since: datetime) -> list[dict[str, Any]]:
        self._asked("trades")
        rows = [t for o in self.exchange.accounts[self.account_id].orders if o.symbol == symbol for t in o.trades]
        rows = [t for t in rows if t["at"] >= since]
        return self._short(rows)

    def orders_open(self, symbols: Sequence[str]) -> list[dict[str, Any]]:
        self._asked("open")
        rows, now = self.exchange.accounts[self.account_id].orders, self.world.now()
        shown = [o for o in rows if o.symbol in symbols and o.status == "open" and o.at + self.exchange.lag <= now]
        return [{**self.exchange.answer(o), "side": o.side, "symbol": o.symbol} for o in shown]

    def balances(self) -> dict[str, Decimal]:
        self._asked("balances")
        return {name: amount for name, amount in self.exchange.accounts[self.account_id].balances.items() if amount}

    def _asked(self, what: str) -> None:
        self.world.point(what)
        self._revoked()
        kind = self.world.weather(what, ASK)
        if kind == "busy":
            raise ExchangeRetry("Too many requests.")
        if kind:
            raise ExchangeAmbiguous("No answer.")

    def _revoked(self) -> None:
        if self.world.rows[self.account_id].barred and self.world.rng.random() < 0.5:
            raise ExchangeStopped("The key was revoked.")

    def _answer(self, made: Any) -> dict[str, Any]:
        answer = self.exchange.answer(made)
        if self.world.rng.random() < 0.5:
            answer["trades"] = self._trades(made)
        return answer

    def _trades(self, made: Any) -> list[dict[str, Any]]:
        """Now and then one is told twice."""
        trades = self._short(list(made.trades))
        if trades and self.world.weather("list", ("twice",)):
            trades.append(trades[0])
        return trades

    def _short(self, trades: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Now and then the newest is not listed yet, for some seconds."""
        fresh = bool(trades) and self.world.now() - trades[-1]["at"] < LISTED
        return trades[:-1] if fresh and self.world.weather("list", ("short",)) else trades


def _quietly(accept: Any) -> None:
    with suppress(ExchangeError):
        accept()
