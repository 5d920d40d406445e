"""The exchange in memory: a few markets whose prices walk, orders that fill in pieces, and a ledger of everything.

Written for the simulation alone, apart from the practice exchange, so that the two cannot share a mistake.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from accounts.exchanges.errors import ExchangeNotFound, ExchangeRefused, ExchangeRetry
from tests.faults.simulation.database import Broken
from trading.domain.types import ZERO, InstrumentSpec, OrderState

WINDOW = timedelta(seconds=10)  # an older request is refused
D = Decimal


@dataclass(slots=True)
class SimOrder:
    """An order as the exchange has it."""

    id: int
    client_id: str
    symbol: str
    side: str
    type: str
    amount: Decimal
    price: Decimal | None
    at: datetime
    target: Decimal | None = None  # of a stop: reached first, it is a limit order there, and no stop any more
    filled: Decimal = ZERO
    status: str = "open"
    trades: list[dict[str, Any]] = field(default_factory=list)

    @property
    def rest(self) -> Decimal:
        return self.amount - self.filled


@dataclass(slots=True)
class SimAccount:
    """One account's side of the ledger."""

    balances: dict[str, Decimal]
    orders: list[SimOrder] = field(default_factory=list)
    moved: set[str] = field(default_factory=set)  # currencies that came or left by another way

    def move(self, currency: str, amount: Decimal) -> None:
        self.balances[currency] = self.balances.get(currency, ZERO) + amount


class SimExchange:
    """All markets and accounts."""

    def __init__(self, world: Any, specs: dict[str, InstrumentSpec], prices: dict[str, Decimal]) -> None:
        self.world, self.specs, self.prices = world, specs, prices
        self.accounts: dict[int, SimAccount] = {}
        self.skew = timedelta(milliseconds=world.rng.randint(-900, 900))
        self.fee_coin = world.rng.choice(["", "", "BNB"])
        self.refuses_pairs = world.rng.choice([0.0, 0.1, 1.0])  # a stop with a target, for one reason or another
        self.lag = timedelta(milliseconds=world.rng.choice([0, 300, 900]))  # until lists show what was accepted
        self._id = 0

    def next_id(self) -> int:
        self._id += 1
        return self._id

    def now(self) -> datetime:
        return self.world.now() + self.skew

    def bid(self, symbol: str) -> Decimal:
        return self.prices[symbol]

    def ask(self, symbol: str) -> Decimal:
        return self.prices[symbol] + self.specs[symbol].tick_size

    def accept(self, account_id: int, order: OrderState, signed_at: datetime) -> SimOrder:
        """Take an order, or raise what an exchange would answer."""
        account, spec = self.accounts[account_id], self.specs[order.symbol]
        if self.world.now() - signed_at > WINDOW:
            raise ExchangeRetry("The time stamp is outside of the window.")
        self.world.order_arrives(account_id, order, signed_at)
        if any(o.client_id == order.client_order_id and o.status == "open" for o in account.orders):
            raise ExchangeRefused("An order with this id is open.")
        if order.amount % spec.lot_size or order.amount <= 0:
            raise Broken(f"{order.amount} is no multiple of the lot")
        if order.type == "stop" and self.bid(order.symbol) <= (order.price or ZERO):
            raise ExchangeRefused("The stop would trigger at once.")
        far = order.target is not None and self.world.rng.random() < self.refuses_pairs
        if far or (order.target is not None and self.bid(order.symbol) >= order.target):
            raise ExchangeRefused("The target would sell at once, or is too far away.")
        price = order.price if order.price is not None else self.ask(order.symbol)
        pays = (spec.quote, order.amount * price) if order.side == "buy" else (spec.base, order.amount)
        if pays[1] > self._free(account, pays[0]):
            raise ExchangeRefused(f"There is not enough {pays[0]}.")
        if str(order.type) == "limit_maker" and self._crosses(order.symbol, str(order.side), price):
            raise ExchangeRefused("It would have taken at once.")
        made = SimOrder(
            self.next_id(), order.client_order_id, order.symbol, str(order.side), str(order.type), order.amount,
            order.price, self.world.now(), order.target,
        )  # fmt: skip
        account.orders.append(made)
        if made.type == "market" or (made.type != "stop" and self._crosses(made.symbol, made.side, price)):
            self._fill_some(account, made, maker=False)
        return made

    def _free(self, account: SimAccount, currency: str) -> Decimal:
        held = ZERO
        for order in account.orders:
            if order.status == "open":
                spec = self.specs[order.symbol]
                if order.side == "sell" and spec.base == currency:
                    held += order.rest
                if order.side == "buy" and spec.quote == currency:
                    held += order.rest * (order.price or self.ask(order.symbol))
        return account.balances.get(currency, ZERO) - held

    def _crosses(self, symbol: str, side: str, price: Decimal) -> bool:
        return self.ask(symbol) <= price if side == "buy" else self.bid(symbol) >= price

    def _fill_some(self, account: SimAccount, order: SimOrder, *, maker: bool) -> None:
        """One to three trades; now and then not all of it yet."""
        spec, rng = self.specs[order.symbol], self.world.rng
        pieces = rng.choice([1, 1, 1, 2, 3])
        for number in range(pieces):
            last = number == pieces - 1 and rng.random() > 0.15
            amount = order.rest if last else (order.rest / 2 // spec.lot_size) * spec.lot_size
            if amount > 0 and order.status == "open":
                self._trade(account, order, amount, maker=maker)

    def _trade(self, account: SimAccount, order: SimOrder, amount: Decimal, *, maker: bool) -> None:
        spec, buy = self.specs[order.symbol], order.side == "buy"
        market = self.ask(order.symbol) if buy else self.bid(order.symbol)
        price = order.price if maker and order.price is not None else market
        if buy and amount * price > account.balances.get(spec.quote, ZERO):
            order.status = "canceled"
            return
        rate = D("-0.0001") if maker and self.world.rng.random() < 0.2 else D("0.001")
        coin, fee = (spec.base, amount * rate) if buy else (spec.quote, amount * price * rate)
        if self.fee_coin and account.balances.get(self.fee_coin, ZERO) > 1:
            coin, fee = self.fee_coin, (amount * price * rate / 300).quantize(D("1e-8"))
        account.move(spec.base, amount if buy else -amount)
        account.move(spec.quote, -amount * price if buy else amount * price)
        account.move(coin, -fee)
        order.filled += amount
        order.status = "closed" if order.rest <= 0 else order.status
        info = {"p": f"{price:f}", "q": f"{amount:f}", "f": f"{fee:f}"}
        order.trades.append(
            {
                "id": str(self.next_id()), "order": str(order.id), "side": order.side,
                "price": float(price), "amount": float(amount),
                "fee": {"cost": float(fee), "currency": coin}, "takerOrMaker": "maker" if maker else "taker",
                "timestamp": int(self.now().timestamp() * 1000), "info": info, "at": self.world.now(),
            }
        )  # fmt: skip

    def tick(self) -> None:
        """Prices move; what they reach is filled."""
        rng = self.world.rng
        for symbol, spec in self.specs.items():
            step = rng.randint(-40, 40) * (12 if rng.random() < 0.1 else 1)
            self.prices[symbol] = max(self.prices[symbol] + step * spec.tick_size, spec.tick_size * 100)
        for account in self.accounts.values():
            for order in account.orders:
                if order.type == "stop" and order.status == "open" and self.bid(order.symbol) <= (order.price or ZERO):
                    order.type, order.price, order.target = "market", None, None  # triggered
                if order.target is not None and order.status == "open" and self.bid(order.symbol) >= order.target:
                    order.type, order.price, order.target = "limit", order.target, None
                if order.status == "open" and (
                    order.type == "market"
                    or (order.type != "stop" and self._crosses(order.symbol, order.side, order.price or ZERO))
                ):
                    self._fill_some(account, order, maker=order.type != "market")

    def cancel(self, account_id: int, order: OrderState) -> None:
        found = self.find(account_id, order)
        if found.status != "open":
            raise ExchangeRefused("The order is closed.")
        found.status = "canceled"

    def find(self, account_id: int, order: OrderState) -> SimOrder:
        """The latest with this id that the lists show by now."""
        for one in reversed(self.accounts[account_id].orders):
            same = str(one.id) == order.exchange_order_id if order.exchange_order_id else False
            if (same or one.client_id == order.client_order_id) and one.at + self.lag <= self.world.now():
                return one
        raise ExchangeNotFound("The exchange has no order with this id.")

    def answer(self, order: SimOrder) -> dict[str, Any]:
        """In ccxt's words, without trades."""
        return {
            "id": str(order.id), "clientOrderId": order.client_id, "status": order.status,
            "filled": float(order.filled), "amount": float(order.amount), "trades": [],
            "timestamp": int(order.at.timestamp() * 1000), "info": {},
        }  # fmt: skip

    def outside(self, account_id: int, currency: str, amount: Decimal) -> None:
        """A deposit or withdrawal by another way."""
        account = self.accounts[account_id]
        account.moved.add(currency)
        account.move(currency, max(amount, -account.balances.get(currency, ZERO)))

    def by_hand(self, account_id: int, symbol: str, side: str, amount: Decimal) -> None:
        """The owner trades on the exchange's own page, at the market or with an order that rests."""
        account, rests = self.accounts[account_id], self.world.rng.random() < 0.3
        price = self.bid(symbol) * (D("0.9") if side == "buy" else D("1.1"))
        pays = (symbol.split("/")[1], amount * self.ask(symbol)) if side == "buy" else (symbol.split("/")[0], amount)
        if pays[1] > self._free(account, pays[0]):
            return
        made = SimOrder(
            self.next_id(), f"web_{self._id}", symbol, side, "limit" if rests else "market", amount,
            price // self.specs[symbol].tick_size * self.specs[symbol].tick_size, self.world.now(),
        )  # fmt: skip
        account.orders.append(made)
        if not rests:
            self._trade(account, made, made.amount, maker=False)

    def by_hand_end(self) -> None:
        """Owners take their resting orders back."""
        for account in self.accounts.values():
            for order in account.orders:
                if order.client_id.startswith("web_") and order.status == "open":
                    order.status = "canceled"
