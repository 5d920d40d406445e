"""What users, markets and servers do while workers work."""

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from tests.faults.simulation.database import IntentRow, Rows
from tests.faults.simulation.memory import SimMemory
from tests.faults.simulation.specs import SPECS
from trading.domain.orders import OPEN
from trading.domain.position import OPEN_STATES
from trading.domain.types import IntentTaken, Plan, Purpose, Side, StopLevel

D = Decimal


class Acts:
    """Each draws what it needs from the world's seed."""

    rng: random.Random
    rows: dict[int, Rows]
    clock: datetime
    exchange: Any
    notes: dict[tuple[int, str], Any]
    taken: list[tuple[int, str, Decimal]]

    def _plan(self) -> Plan:
        raise NotImplementedError

    def _entry(self, account_id: int) -> None:
        rows, rng = self.rows[account_id], self.rng
        symbol, by_hand = rng.choice(sorted(SPECS)), rng.random() < 0.3
        amount = D(rng.choice([15, 50, 1500])) if by_hand else None
        limit = (
            self.exchange.bid(symbol) * D(rng.choice(["0.999", "1.001"])) if by_hand and rng.random() < 0.5 else None
        )
        taken = IntentTaken(
            self.clock, UUID(int=rng.getrandbits(100)), rng.choice(sorted(rows.bots)), symbol, Side.BUY,
            Purpose.MANUAL_ENTRY if by_hand else Purpose.ENTRY, D("0.5"), amount, limit,
            self.clock + timedelta(seconds=rng.choice([5, 60])),
        )  # fmt: skip
        rows.intents[taken.intent_id] = IntentRow(taken, self.serial())
        self.say(f"entry {symbol} {'by hand' if by_hand else ''}")

    def _close(self, account_id: int) -> None:
        """A selling signal, or an owner who wants out or sells a part."""
        rows = self.rows[account_id]
        held = sorted((p for p in rows.positions.values() if p.status in OPEN_STATES), key=lambda p: p.position_id)
        if held:
            position = self.rng.choice(held)
            purpose = self.rng.choice([Purpose.EXIT, Purpose.FORCE_EXIT, Purpose.REDUCE])
            key = UUID(int=self.rng.getrandbits(100))
            share = D("0.4") if purpose is Purpose.REDUCE else None
            taken = IntentTaken(self.clock, key, position.bot_id, position.symbol, Side.SELL, purpose, share=share)
            rows.intents[key] = IntentRow(taken, self.serial())

    def _cancel(self, account_id: int) -> None:
        """An owner cancels an order, or withdraws an intent that waits."""
        rows, rng = self.rows[account_id], self.rng
        open_orders = sorted((o for o in rows.orders.values() if o.status in OPEN), key=lambda o: o.client_order_id)
        pending = [row for row in rows.intents.values() if row.status == "pending" and row.taken.purpose.is_entry]
        if open_orders and rng.random() < 0.7:
            order, key = rng.choice(open_orders), UUID(int=rng.getrandbits(100))
            taken = IntentTaken(
                self.clock, key, order.bot_id, order.symbol, order.side, Purpose.CANCEL,
                client_order_id=order.client_order_id,
            )  # fmt: skip
            rows.intents[key] = IntentRow(taken, self.serial())
        elif pending:
            rng.choice(pending).status = "denied"

    def _stop(self, account_id: int) -> None:
        rows, rng = self.rows[account_id], self.rng
        bot = rows.bots[rng.choice(sorted(rows.bots))]
        bot.stop = rng.choice([StopLevel.NONE, StopLevel.NONE, 1, 2, 3])
        bot.stopped_at = (bot.stopped_at or self.clock) if bot.stop else None
        self.say(f"stop {bot.stop} on {bot.bot_id.int}")

    def _resume(self, account_id: int) -> None:
        self.rows[account_id].barred = False

    def _plans(self, account_id: int) -> None:
        rows = self.rows[account_id]
        bot = rows.bots[self.rng.choice(sorted(rows.bots))]
        bot.plan = self._plan()
        if self.rng.random() < 0.5:  # also for what is open
            for position in rows.positions.values():
                if position.bot_id == bot.bot_id and position.status in OPEN_STATES:
                    position.plan = bot.plan

    def _tick(self, _account_id: int) -> None:
        self.exchange.tick()

    def _wait(self, _account_id: int) -> None:
        self.pass_time(self.rng.choice([0.3, 0.3, 1, 1, 4, 11, 40]))

    def _flush(self, _account_id: int) -> None:
        """Redis lost all it knew."""
        self.notes.clear()

    def _bell(self, account_id: int) -> None:
        SimMemory(self, account_id).note_once("bell", 1, 600)

    def _gap(self, account_id: int) -> None:
        """Its stream broke: the account is to be checked."""
        self.rows[account_id].check_wanted_at = self.clock

    def _outside(self, account_id: int) -> None:
        """Money comes or leaves by another way; now and then coins that a bot holds."""
        if self.rows[account_id].checked_at is None:
            return  # its ledger begins with what is there
        account, rng = self.exchange.accounts[account_id], self.rng
        coins = sorted(name for name, amount in account.balances.items() if name not in ("USDT", "BNB") and amount > 0)
        if coins and rng.random() < 0.3:
            name = rng.choice(coins)
            taken = account.balances[name] / 2
            self.exchange.outside(account_id, name, -taken)
            self.taken.append((account_id, name, taken))
            self.say(f"{taken} {name} withdrawn")
        else:
            amount = D(rng.choice([-30, 50]))
            self.exchange.outside(account_id, "USDT", amount)
            self.say(f"{amount} USDT moved")

    def _hand(self, account_id: int) -> None:
        """The owner trades by hand."""
        if self.rows[account_id].checked_at is None:
            return
        symbol, side = self.rng.choice(sorted(SPECS)), self.rng.choice(["buy", "sell"])
        amount = (D(20) / self.exchange.ask(symbol) // SPECS[symbol].lot_size) * SPECS[symbol].lot_size
        self.say(f"by hand {side} {amount} {symbol}")
        self.exchange.by_hand(account_id, symbol, side, amount)
