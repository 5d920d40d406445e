"""One trader of the platform at a practice exchange that fails by script, and what must hold afterwards.

The platform's own services run on the test database and reach the exchange over real sockets with an unmodified ccxt.
Its clock is moved on between turns, so that a test need not wait for an order's expiry.
"""

import os
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import ccxt

from accounts.clock import clock_set, now
from accounts.crypto import seal
from accounts.exchanges.errors import ExchangeError
from accounts.exchanges.factory import public_client
from accounts.exchanges.loop import run
from accounts.models import ExchangeAccount, User
from accounts.services.exchange_accounts import account_resume
from signals import quotes
from signals.models import Instrument
from signals.services.markets import markets_load
from tests.practice.clients import Process
from trading import wiring
from trading.domain.books import pairs_joined
from trading.leases import LeaseBusy
from trading.models import AccountCheck, Bot, BotConfig, Fill, Intent, Order, Position
from trading.services.intents import position_close_request
from trading.services.ledger_comparison import ledger_compare
from trading.services.work import account_work

SYMBOL, OTHER = "BTC/USDT", "ETH/USDT"
TURNS, STEP = 24, timedelta(seconds=4)
LONGEST = timedelta(seconds=30)  # after the exchange answers again, by the platform's clock
UNCLEAR = ("pending", "unknown")
ORDER = {"path": "(order|oco)$", "method": "POST"}
SLOW = {"slow_before", "slow_after"}  # what was sent arrives later than we stop waiting for it
BANS = {"banned_418", "rate_limited_429"}


def some(everything: Sequence[Any], count: int) -> list[Any]:
    """So many of them, always the same; FAULTS=200 takes so many, FAULTS=all (`make faults`) all."""
    wanted = os.environ.get("FAULTS") or count
    number = len(everything) if wanted == "all" else min(int(wanted), len(everything))
    return random.Random(20).sample(list(everything), number)


def fault_on(kind: str, **where: str) -> dict[str, Any]:
    """One fault of a script."""
    return {"kind": kind, "seconds": 0.9 if kind in SLOW else 1, **where}


class Laboratory:
    """The exchange, the trader, and the platform's moved clock."""

    def __init__(self, exchange: Process, key: str, name: str = "") -> None:
        name = name or key
        self.exchange, self.key, self.ahead = exchange, key, timedelta(0)
        exchange.account(key, USDT="10000")
        wiring.process_started()
        markets_load(exchange="binance")
        user = User.objects.create(email=f"{name}@example.org")
        self.account = ExchangeAccount.objects.create(
            user=user, name=name, exchange="binance", mode="practice", verification="verified",
            sealed_credentials=seal({"api_key": key, "api_secret": key[::-1], "passphrase": ""}),
        )  # fmt: skip
        self.bot = Bot.objects.create(user=user, account=self.account, name=name, status="running")
        self.bot.config = BotConfig.objects.create(
            bot=self.bot, version=1, entry_type="market", max_spread="0.1", profit_target="0.5", stop_loss="0.5",
            holding_time_s=100_000,
        )  # fmt: skip
        self.bot.save()
        self.turn()  # the account is checked and funded before anything goes wrong

    def script(self, *faults: dict[str, Any], seed: int = 0) -> None:
        """Put a fault script of this trader's key in force."""
        self.exchange.admin("faults", {"faults": [{"key": self.key, **one} for one in faults], "seed": seed}, "PUT")

    def act(self, name: str, **more: Any) -> Any:
        """Something happens at the exchange beside our requests (see `trading.practice.acts`)."""
        return self.exchange.admin("acts", {"act": name, "key": self.key, **more})

    def told(self) -> dict[str, Any]:
        """The script in force, with what it has hit."""
        return self.exchange.admin("faults")

    def clock(self) -> datetime:
        """The platform's time."""
        return datetime.now(UTC) + self.ahead

    def turn(self) -> None:
        """One turn of the account, as its task does it; the sweeper would come back after an error."""
        with clock_set(self.clock):
            self._quote()
            with suppress(ExchangeError, LeaseBusy):
                account_work(account_id=self.account.pk)
        self.account.refresh_from_db()
        self.bot.refresh_from_db()

    def _quote(self) -> None:
        async def ask() -> Any:
            client = public_client("binance")
            await client.load_markets()
            for _ in range(4):  # the laboratory's short time-outs are for what is tried, not for a busy machine
                with suppress(ccxt.RequestTimeout):
                    return await client.fetch_bids_asks([SYMBOL, OTHER])
            return await client.fetch_bids_asks([SYMBOL, OTHER])

        sizes = Decimal(1000), Decimal(1000)
        rows = [
            quotes.QuoteRow(symbol, Decimal(repr(ticker["bid"])), Decimal(repr(ticker["ask"])), *sizes, now())
            for symbol, ticker in run(ask(), timeout_s=20).items()
        ]
        quotes.publish("binance", rows)

    def buy(self, symbol: str = SYMBOL) -> Intent:
        """Ask for an entry."""
        return Intent.objects.create(
            bot=self.bot, config=self.bot.config, account=self.account,
            instrument=Instrument.objects.get(symbol=symbol), purpose="manual_entry", side="buy",
            amount_quote=Decimal(200), expires_at=self.clock() + timedelta(minutes=10),
        )  # fmt: skip

    def sell(self) -> None:
        """Ask for the open position to be closed."""
        with clock_set(self.clock):
            position_close_request(position=Position.objects.get(status="open"), actor=None)

    def settle(self, done: Callable[[], bool] = lambda: True) -> int:
        """Turns until nothing is unclear and `done`; the number of turns. Fails when it never comes to that."""
        for number in range(TURNS):
            self.turn()
            if not self.unclear() and done():
                return number + 1
            self.ahead += STEP
            time.sleep(0.05)
        raise AssertionError(f"not settled: {self.shown()}")

    def round_trip(self, kind: str, then: str = "") -> None:
        """A position opened and closed, each with one fault on the order's request and, where `then` is given, another
        on whatever is asked next; what must hold is checked.
        """
        script = [fault_on(kind, **ORDER)] + ([fault_on(then)] if then else [])
        before = self.told()["during_ban"]
        for ask, held in ((self.buy, 1), (self.sell, 0)):
            self.script(*script)
            ask()
            self.turn()
            if then or kind in SLOW:
                self.turn()  # looked for at once, before a slow one has arrived
            if {kind, then} & (SLOW | BANS):
                time.sleep(1.2)
            struck = [fault["hits"] for fault in self.told()["faults"]]
            assert sum(struck) >= 1, "the fault did not strike"
            self.recover()
            assert self.settle() * STEP <= LONGEST, "what was unclear stayed so for too long"
            if self.held() != held:  # the intent failed cleanly: it may be asked again
                ask()
                self.settle(lambda held=held: self.held() == held)
            self.check()
            self.restart()
            self.check()
        assert self.told()["during_ban"] == before, "something was asked during a ban"

    def restart(self) -> None:
        """As after a start of the worker: the account is checked, and its recent fills are told once more."""
        with clock_set(self.clock):
            wiring.process_started()
        self.turn()

    def held(self) -> int:
        """How many positions are open."""
        return Position.objects.filter(status="open").count()

    def unclear(self) -> bool:
        """Whether an order's fate is not known, or an intent waits."""
        waiting = Intent.objects.filter(status__in=["pending", "claimed"]).exclude(
            purpose="protect", orders__status="active"
        )
        return Order.objects.filter(status__in=UNCLEAR).exists() or waiting.exists()

    def recover(self) -> None:
        """The faults are over; a stopped account and a paused bot are set going by their owner."""
        self.script()
        if self.account.status != ExchangeAccount.Status.ACTIVE:
            account_resume(account=self.account, actor=None)
        Bot.objects.filter(pk=self.bot.pk).update(status="running", consecutive_errors=0)

    def check(self, *, spoilt: bool = False) -> None:
        """The invariants: one intent, at most one order at the exchange; both books equal to the last digit.

        Trades that cannot be ours are none of ours, but where answers were `spoilt`.
        """
        theirs = self.exchange.admin(f"ledger?key={self.key}")
        orders = pairs_joined(theirs["orders"])
        names = [row["clientOrderId"] for row in orders]
        assert len(names) == len(set(names)), "an order was sent twice under one id"
        ours = {row.client_order_id: row for row in Order.objects.all()}
        assert set(names) <= set(ours), "the exchange has an order that we do not know"
        _once([(ours[row["clientOrderId"]].intent_id, row) for row in orders])
        assert Fill.objects.count() == len(theirs["fills"])
        found = ledger_compare(account=self.account).differences
        assert found == [], f"{found} {self.shown()}"
        odd = [one["text"] for row in AccountCheck.objects.all() for one in row.findings if one["kind"] == "odd_trade"]
        assert spoilt or not odd, f"trades that cannot be ours: {odd}"

    def shown(self) -> str:
        """Where things stand, for a failure's message."""
        orders = [(row.side, row.status, row.reason) for row in Order.objects.all()]
        intents = [(row.purpose, row.status, row.reason) for row in Intent.objects.all()]
        return f"orders {orders}, intents {intents}, account {self.account.status}, script {self.told()}"


def _once(orders: list[tuple[int, dict[str, Any]]]) -> None:
    """Of each intent's orders one is at work at a time, and together they execute no more than the first was for: a
    further one is for what the market did not give the one before."""
    left: dict[int, Decimal] = {}
    for number, (intent, row) in enumerate(orders):
        wanted = Decimal(row["origQty"])
        assert intent not in left or wanted <= left[intent], f"an intent was executed twice: {row}"
        earlier = [one["status"] for other, one in orders[:number] if other == intent]
        assert not {"NEW", "PARTIALLY_FILLED"} & set(earlier), f"an intent has two orders at work: {row}"
        left[intent] = left.get(intent, wanted) - Decimal(row["executedQty"])
