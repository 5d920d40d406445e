"""One history: users, markets, workers and everything that goes wrong, drawn from one seed."""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from accounts.clock import clock_set
from accounts.exchanges.errors import ExchangeError, ExchangeStopped
from tests.faults.simulation.acts import Acts
from tests.faults.simulation.database import WAITING, BotRow, Broken, IntentRow, MemoryStore, Rows
from tests.faults.simulation.desk import SimDesk
from tests.faults.simulation.exchange import SimAccount, SimExchange
from tests.faults.simulation.memory import SimMemory
from tests.faults.simulation.specs import PRICES, SPECS
from trading.brokers.live import LiveBroker
from trading.domain.orders import OPEN
from trading.domain.plan_levels import NO_LEVELS, AddStep, PlanLevels, ProfitStep
from trading.domain.types import (
    Event,
    IntentTaken,
    Limits,
    OrderState,
    OrderType,
    Plan,
    PositionStatus,
    Purpose,
    Quote,
    Side,
    StopLevel,
)
from trading.runner import Request
from trading.turn.ports import LeaseBusy, LeaseLost, Ports
from trading.turn.turn import account_turn

D = Decimal
START = datetime(2026, 1, 5, tzinfo=UTC)
STOP_LATE = timedelta(seconds=1)
ENTRY_LATE = timedelta(seconds=16)  # a decision in time, and its longest wait for a turn at the exchange
UNCLEAR = ("pending", "unknown")


class Killed(BaseException):
    """The worker process is gone: no handler of ours sees it."""


class World(Acts):
    """Everything there is. `run()` lives through one history and raises Broken where an invariant fails."""

    def __init__(self, seed: int) -> None:
        self.rng, self.seed = random.Random(seed), seed
        self.clock, self.started_at = START, START - timedelta(days=1)
        self.future: list[tuple[datetime, int, Callable[[], None]]] = []
        self.calm, self.dying, self.depth = False, False, 0
        self.log: list[str] = []
        self._serial = 0
        self.exchange = SimExchange(self, SPECS, dict(PRICES))
        self.notes: dict[tuple[int, str], tuple[Any, datetime]] = {}
        self.rows: dict[int, Rows] = {}
        self.taken: list[tuple[int, str, Decimal]] = []  # coins that their owner took away
        self.chance = self.rng.choice([0.02, 0.1, 0.3])  # of weather, at each request
        self.harm = self.rng.choice([0.0, 0.01, 0.03, 0.06])  # of a kill or stall, at each point
        self.crowded = self.rng.choice([0.0, 0.05, 0.3])  # that a request waits long for its turn
        for account_id in range(1, self.rng.choice([2, 2, 3])):
            self._account(account_id)

    def _account(self, account_id: int) -> None:
        balances = {"USDT": D(1000)} | ({"BNB": D(5)} if self.exchange.fee_coin else {})
        self.exchange.accounts[account_id] = SimAccount(balances)
        rows = self.rows[account_id] = Rows()
        for number in range(2):
            bot = BotRow(UUID(int=account_id * 100 + number), self._plan())
            rows.bots[bot.bot_id] = bot

    def _plan(self) -> Plan:
        rng = self.rng
        return Plan(
            config_id=UUID(int=rng.getrandbits(64)), confidence_threshold=D("0.1"),
            capital_per_trade=D(rng.choice([20, 60, 200])), profit_target=D(rng.choice(["0.002", "0.01", "0.5"])),
            stop_loss=D(rng.choice(["0.002", "0.01", "0.5"])), holding_time=timedelta(seconds=rng.choice([60, 5000])),
            entry_type=rng.choice([OrderType.MARKET, OrderType.LIMIT_MAKER]),
            maker_timeout=timedelta(seconds=rng.choice([5, 20])), taker_after_timeout=rng.random() < 0.5,
            max_positions=2, max_drawdown=D("0.9"), max_spread=D("0.05"), levels=self._levels(),
            limits=Limits(
                daily_loss=D(rng.choice(["0.005", "1"])), on_breach=rng.choice([1, 3]), loss_streak=rng.choice([0, 2]),
                pause=timedelta(seconds=60), cooldown=timedelta(seconds=5), max_slippage=D("0.05"),
                stale_after=timedelta(seconds=30),
            ),
        )  # fmt: skip

    def _levels(self) -> PlanLevels:
        """Often none; else any mixture, near enough that the walking price meets them."""
        rng = self.rng
        resting = rng.random() < 0.5
        if rng.random() < 0.4:
            return replace(NO_LEVELS, at_exchange=resting)
        steps = (ProfitStep(D("0.001"), D("0.3")), ProfitStep(D("0.002"), D("0.3")))
        adds = (AddStep(D("0.001"), D("0.5")), AddStep(D("0.003"), D(1)))
        return PlanLevels(
            trailing=D(rng.choice(["0", "0.002"])), trailing_after=D(rng.choice(["0", "0.001"])),
            breakeven_after=D(rng.choice(["0", "0.003"])), profit_steps=steps[: rng.randint(0, 2)],
            add_steps=adds[: rng.randint(0, 2)], maker_exit=rng.random() < 0.3, at_exchange=resting,
        )  # fmt: skip

    # --- time and chance --------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        return self.clock

    def serial(self) -> int:
        self._serial += 1
        return self._serial

    def pass_time(self, seconds: float) -> None:
        """Move the clock on; what was on its way arrives."""
        end = self.clock + timedelta(seconds=seconds)
        while self.future and min(self.future)[0] <= end:
            due = min(self.future)
            self.future.remove(due)
            self.clock = max(self.clock, due[0])
            due[2]()
        self.clock = end

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        self.future.append((self.clock + timedelta(seconds=seconds), self.serial(), what))

    def weather(self, what: str, kinds: Sequence[str]) -> str:
        """What goes wrong with this request; empty: nothing."""
        if self.calm or self.rng.random() >= self.chance:
            return ""
        kind = self.rng.choice(kinds)
        self.say(f"weather {what}: {kind}")
        return kind

    def say(self, text: str) -> None:
        self.log.append(f"{(self.clock - START).total_seconds():8.2f} {'  ' * self.depth}{text}")

    def point(self, name: str) -> None:
        """A place where a worker may be killed, or stall while others go on."""
        self.pass_time(0.005)
        if self.calm or self.rng.random() >= self.harm:
            return
        what = self.rng.choice(["kill", "stall", "stall", "user"])
        if what == "kill":
            self.say(f"killed at {name}")
            self.dying = True
            raise Killed
        if what == "stall":
            self._stall(name, self.rng.choice([0.6, 3, 15, 50, 120]))
        else:
            self.act(self.rng.choice(["stop", "close", "cancel", "outside"]))

    def queue(self) -> None:
        """A request waits for its turn in the budget."""
        self.point("budget")
        if not self.calm and self.rng.random() < self.crowded:
            self._stall("budget", self.rng.choice([0.6, 3, 12, 60]))

    def _stall(self, name: str, seconds: float) -> None:
        """Time passes, and others go on."""
        if self.depth > 1:
            return
        self.say(f"stalls {seconds} s at {name}")
        self.act(self.rng.choice(["stop", "tick", "tick"]))
        self.pass_time(seconds)
        if seconds >= 50 and self.rng.random() < 0.5:  # long enough for another worker to settle what this one began
            for _ in range(3):
                self.act("turn")
                self.pass_time(7)
        for _ in range(self.rng.randint(0, 3)):
            self.act(self.rng.choice(["turn", "turn", "tick", "stop", "wait"]))

    # --- what users, markets and workers do -------------------------------------------------------------------------

    def act(self, what: str) -> None:
        getattr(self, f"_{what}")(self.rng.choice(sorted(self.rows)))

    def _turn(self, account_id: int) -> None:
        dying, self.dying = self.dying, False
        self.depth += 1
        self.say(f"turn of {account_id}")
        try:
            account_turn(self.ports(account_id))
        except Killed:
            if self.rng.random() < 0.7:  # found dead by another worker of the host; else its lease runs out
                self.rows[account_id].owner, self.rows[account_id].expires_at = "", None
        except ExchangeStopped as error:
            self.say(f"  stopped: {error}")
            self.rows[account_id].barred = True
        except (LeaseBusy, LeaseLost, ExchangeError) as error:
            self.say(f"  {type(error).__name__}: {error}")
        finally:
            self.depth -= 1
            self.dying = dying

    def ports(self, account_id: int) -> Ports:
        desk, memory = SimDesk(self, self.exchange, account_id), SimMemory(self, account_id)
        return Ports(
            MemoryStore(self, account_id, self.rows[account_id], SPECS),
            lambda state, leaving: LiveBroker(desk, memory, leaving),
            self.quotes, memory, desk, self.together, leaves=True, fee_pair="BNB/USDT", started_at=self.started_at,
        )  # fmt: skip

    def together(self, requests: Sequence[Request]) -> Iterable[list[Event]]:
        """In any order, as requests that are under way at once are; the answers in the order they were asked."""
        answers: dict[int, list[Event]] = {}
        failed: Exception | None = None
        for number in self.rng.sample(range(len(requests)), len(requests)):
            try:
                answers[number] = requests[number].answer()
            except (ExchangeError, LeaseLost) as error:
                failed = failed or error
        yield from (answers[number] for number in sorted(answers))
        if failed is not None:
            raise failed

    def quotes(self, symbols: Sequence[str]) -> list[Quote]:
        if self.weather("quotes", ("none",)):
            return []
        shown = {name: (self.exchange.bid(name), self.exchange.ask(name)) for name in SPECS}
        shown["BNB/USDT"] = D(300), D("300.1")
        return [Quote(name, *shown[name], D(10**6), D(10**6), self.clock) for name in symbols if name in shown]

    def revoke(self, account_id: int) -> None:
        self.rows[account_id].barred = True

    # --- what is watched while it happens ---------------------------------------------------------------------------

    def order_arrives(self, account_id: int, order: OrderState, signed_at: datetime) -> None:
        """The exchange is about to take an order: it must be committed, alone for its intent, and allowed."""
        rows = self.rows[account_id]
        self.say(f"exchange takes {order.side} {order.amount} {order.symbol} {order.client_order_id[:6]}")
        if order.client_order_id not in rows.orders:
            raise Broken(f"order {order.client_order_id} reached the exchange before it was committed")
        twins = [o for o in self.exchange.accounts[account_id].orders if self._intent(rows, o) == order.intent_id]
        if any(o.client_id == order.client_order_id for o in twins):
            raise Broken(f"order {order.client_order_id} was sent twice")
        if any(o.status == "open" for o in twins):
            raise Broken(f"intent {order.intent_id} has two live orders")
        known = [(o, rows.orders.get(o.client_id)) for o in self.exchange.accounts[account_id].orders]
        resting = [o for o, ours in known if ours and ours.position_id == order.position_id and o.status == "open"]
        if order.side is Side.SELL and any(o.side == "sell" for o in resting):
            raise Broken(f"position {order.position_id} is on sale twice at the exchange")
        if order.purpose.is_entry:
            bot = rows.bots[order.bot_id]
            until = rows.intents[order.intent_id].taken.expires_at
            if until is not None and order.leg == 0 and signed_at - until > ENTRY_LATE:
                raise Broken(f"an entry left {signed_at - until} after it had expired")
            if bot.stopped_at is not None and signed_at - bot.stopped_at > STOP_LATE:
                raise Broken(f"an entry left {signed_at - bot.stopped_at} after a stop was committed")

    @staticmethod
    def _intent(rows: Rows, order: Any) -> UUID | None:
        known = rows.orders.get(order.client_id)
        return known.intent_id if known else None

    # --- the history ------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Live through it, then let everything come to rest, and check."""
        from tests.faults.simulation.checks import check_all

        acts = (
            ["turn"] * 10 + ["entry"] * 6 + ["tick"] * 5 + ["wait"] * 5 + ["close", "cancel", "stop", "bell", "gap"]
            + ["resume", "plans", "flush", "outside", "hand"]
        )  # fmt: skip
        with clock_set(self.now):
            for account_id in self.rows:
                self._turn(account_id)
            for _ in range(self.rng.randint(40, 300)):
                self.act(self.rng.choice(acts))
            self.rest()
            check_all(self)

    def rest(self) -> None:
        """Good weather; owners act; what is unclear must become clear, and what is held is closed."""
        self.calm = True
        self.pass_time(60)
        for account_id, name, amount in self.taken:
            self.exchange.outside(account_id, name, amount)
        self.exchange.by_hand_end()
        for rows in self.rows.values():
            rows.barred, rows.paused = False, ""
            for bot in rows.bots.values():
                bot.stop, bot.stopped_at = StopLevel.NONE, None
        self._until(lambda: not self._unclear(), timedelta(seconds=30), "an order stayed unclear")
        self._protected()
        for account_id, rows in self.rows.items():
            for bot_id, symbol in sorted({(p.bot_id, p.symbol) for p in rows.positions.values() if self._held(p)}):
                key = UUID(int=self.rng.getrandbits(100))
                taken = IntentTaken(self.clock, key, bot_id, symbol, Side.SELL, Purpose.FORCE_EXIT)
                rows.intents[key] = IntentRow(taken, self.serial())
            self.rows[account_id].check_wanted_at = self.clock
        self._until(self._quiet, timedelta(minutes=20), "the account did not come to rest")
        for _ in range(4):  # differences are confirmed, booked, and not there any more
            for rows in self.rows.values():
                rows.check_wanted_at, rows.paused = self.clock + timedelta(seconds=1), ""
                self._entry_refused(rows)
            self.pass_time(13)
            for account_id in self.rows:
                self._turn(account_id)

    def _protected(self) -> None:
        """Open positions whose plan asks for it get a stop at the exchange: for what they hold, at their level."""
        bare: list[str] = []
        for number in range(12):
            self.pass_time(4)
            for account_id in self.rows:
                self._turn(account_id)
            bare = [text for account_id in self.rows for text in self._bare(account_id)]
            if number >= 3 and not bare:
                return
        raise Broken("; ".join(bare))

    def _bare(self, account_id: int) -> Iterable[str]:
        rows = self.rows[account_id]
        for position in [p for p in rows.positions.values() if self._asks_protection(account_id, p)]:
            names = {o.client_order_id for o in rows.orders.values() if o.position_id == position.position_id}
            theirs = [o for o in self.exchange.accounts[account_id].orders if o.client_id in names]
            stops = [(o.rest, o.price) for o in theirs if o.status == "open" and o.type == "stop"]
            lot = SPECS[position.symbol].lot_size
            if stops != [(min(position.amount // lot * lot, D(9000)), position.stop_price)]:
                yield f"{position.amount} with a stop at {position.stop_price} are protected by {stops}"

    def _asks_protection(self, account_id: int, position: Any) -> bool:
        spec, bid = SPECS[position.symbol], self.exchange.bid(position.symbol)
        same = [p for p in self.rows[account_id].positions.values() if p.symbol == position.symbol and self._held(p)]
        at_work = [o for o in self.rows[account_id].orders.values() if o.status in OPEN and o.purpose != "protect"]
        return (
            position.plan.levels.at_exchange and position.status is PositionStatus.OPEN
            and position.exit_intent_id is None and (position.retry_at is None or position.retry_at < self.clock)
            and not any(o.position_id == position.position_id for o in at_work)
            and (position.add_price is None or position.add_price < bid)
            and (position.step_price is None or position.step_price > bid)
            and not any(one[:2] == (account_id, spec.base) for one in self.taken)
            and position.stop_price < bid and position.amount * position.stop_price > 2 * spec.min_notional
            and sum(p.amount for p in same) <= self.exchange.accounts[account_id].balances.get(spec.base, D(0))
        )  # fmt: skip

    def _entry_refused(self, rows: Rows) -> None:
        """Something to do, so that the account is checked once more: an entry that risk denies."""
        key = UUID(int=self.rng.getrandbits(100))
        taken = IntentTaken(self.clock, key, min(rows.bots), "BTC/USDT", Side.BUY, Purpose.ENTRY, D("0.01"))
        rows.intents[key] = IntentRow(taken, self.serial())

    def _until(self, done: Callable[[], bool], longest: timedelta, what: str) -> None:
        began = self.clock
        while not done():
            if self.clock - began > longest:
                raise Broken(f"{what}: {self._open()}")
            self.pass_time(4)
            self.exchange.tick()
            for account_id in self.rows:
                self._turn(account_id)

    def _open(self) -> str:
        """What is not at rest, in short."""
        found = []
        for rows in self.rows.values():
            found += [f"intent {r.taken.purpose} {r.status}" for r in rows.intents.values() if r.status in WAITING]
            found += [
                f"order {o.side} {o.amount} {o.status} {o.reason}" for o in rows.orders.values() if o.status in OPEN
            ]
            found += [f"position {p.status} {p.amount}" for p in rows.positions.values() if self._held(p)]
        return ", ".join(found)

    def _unclear(self) -> bool:
        return any(order.status in UNCLEAR for rows in self.rows.values() for order in rows.orders.values())

    @staticmethod
    def _held(position: Any) -> bool:
        return position.status in (PositionStatus.OPENING, PositionStatus.OPEN, PositionStatus.CLOSING)

    def _quiet(self) -> bool:
        return not any(
            any(row.status in WAITING for row in rows.intents.values())
            or any(order.status in OPEN for order in rows.orders.values())
            or any(self._held(position) for position in rows.positions.values())
            for rows in self.rows.values()
        )
