"""A trader of the platform at another exchange: its account, bot and streams, and the comparison of both ledgers."""

import threading
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import Any

from accounts.exchanges.errors import ExchangeError
from accounts.models import ExchangeAccount
from accounts.services.exchange_accounts import account_add, account_attest, account_verify
from accounts.services.users import user_create
from signals.quotes import latest
from signals.streams import streams_main
from tests.exchange.other_binance import OtherBinance
from trading.domain.books import pairs_joined
from trading.leases import LeaseBusy
from trading.models import Balance, Bot, Fill, Intent, Order, Position
from trading.services import intents, reconciliation
from trading.services.bots import bot_create, bot_start
from trading.services.work import account_work

D = Decimal
STATUS = {"NEW": "active", "PARTIALLY_FILLED": "active", "FILLED": "filled", "CANCELED": "cancelled"}
KEY, SECRET = "other-key-1", "other-secret-1"


def until(what: Callable[[], Any], within_s: float = 20.0, every_s: float = 0.05) -> Any:
    """The first true answer of `what`; fails when there is none in time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(every_s)
    raise AssertionError(f"Not within {within_s:g} s: {what.__doc__ or what}")


@contextmanager
def streaming(wake: Callable[[str, str, int], None] = lambda *_: None) -> Any:
    """The platform's own streams of the exchange, until left."""
    stop = threading.Event()
    thread = threading.Thread(target=streams_main, args=("binance", stop, wake), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)


def id_theirs(row: dict[str, Any]) -> str:
    """By what the platform knows the order that a row of the exchange belongs to: a leg of a list by the list."""
    return str(row["orderId"]) if row["orderListId"] == -1 else f"list-{row['orderListId']}"


def id_core(order: Order) -> str:
    """The exchange's id of an order, without what some exchanges put before the number."""
    return order.exchange_order_id.rpartition("_")[2]


class Trader:
    """One user with an account at the other exchange and a running bot."""

    every_s = 0.3  # between turns, which spend from the request budget

    def __init__(
        self,
        other: OtherBinance,
        *,
        exchange: str = "binance",
        key: str = KEY,
        secret: str = SECRET,
        passphrase: str = "",
        **config: Any,
    ) -> None:
        self.other, self.exchange, self.key, self.passphrase = other, exchange, key, passphrase
        self.user = user_create(email="t@example.org", password="a-long-word-81", role="trader")
        self.account = self.account_added(key, secret)
        reconciliation.check_want(self.account.pk, "test")
        account_verify(account_id=self.account.pk)
        self.account.refresh_from_db()
        if self.account.verification == "unproven":
            account_attest(account=self.account, actor=self.user)
        self.bot = self.bot_made("bot", **config)

    def account_added(self, key: str, secret: str, name: str = "other") -> ExchangeAccount:
        return account_add(
            user=self.user, name=name, exchange=self.exchange, mode="practice", api_key=key, api_secret=secret,
            passphrase=self.passphrase,
        )  # fmt: skip

    def bot_made(self, name: str, **config: Any) -> Bot:
        values = {"entry_type": "market", "capital_per_trade": "60", "max_positions": 6, "holding_time_s": 3000,
                  "profit_target": "0.3", "stop_loss": "0.3", "confidence_threshold": "1",
                  "max_slippage": "1"}  # fmt: skip
        bot = bot_create(user=self.user, data={"name": name, "account": self.account.public_id, **values, **config})
        return bot_start(bot=bot, actor=self.user)

    def work(self) -> None:
        """One turn of the account's worker, as its task does it."""
        with suppress(ExchangeError, LeaseBusy):  # the sweeper comes back to it
            account_work(account_id=self.account.pk)

    def until(self, what: Callable[[], Any], within_s: float = 20.0) -> Any:
        def turn() -> Any:
            self.work()
            return what()

        return until(turn, within_s, self.every_s)

    def buy(self, symbol: str, amount: str = "60", bot: Bot | None = None, **more: Any) -> Position:
        """A manual entry, worked on until it is decided."""
        until(lambda: latest(self.exchange, symbol) and latest(self.exchange, "BNB/USDT"))
        bot = bot or self.bot
        intent = intents.entry_request(bot=bot, symbol=symbol, amount_quote=amount, actor=self.user, **more)
        self.until(lambda: not Intent.objects.filter(pk=intent.pk, status="pending").exists())
        self.until(lambda: Position.objects.filter(bot=bot, instrument__symbol=symbol, status="open").exists())
        return Position.objects.get(bot=bot, instrument__symbol=symbol, status="open")

    def sell(self, position: Position) -> Position:
        """Everything of a position, until it is closed."""
        intents.position_close_request(position=position, actor=self.user)
        self.until(lambda: Position.objects.filter(pk=position.pk, status="closed").exists(), 30.0)
        position.refresh_from_db()
        return position

    def settled(self) -> None:
        """Until no order's fate is open except resting ones that the exchange shows just so."""
        self.until(lambda: not Order.objects.filter(status__in=["pending", "unknown"]).exists())

    def ledgers_equal(self) -> None:
        """Every order once, every fill to the last digit, every balance, every position's result."""
        theirs = self.other.ledger()
        rows = pairs_joined(theirs["orders"])
        orders = {row["clientOrderId"]: row for row in rows}
        assert len(orders) == len(rows), "an order was sent twice"
        ours = {row.client_order_id: row for row in Order.objects.all()}
        assert set(orders) == {name for name, row in ours.items() if row.status != "rejected"}
        for name, row in orders.items():
            mine = ours[name]
            assert (mine.status, id_core(mine)) == (STATUS[row["status"]], id_theirs(row)), f"{mine}: {row}"
            assert (mine.filled, mine.cost) == (D(row["executedQty"]), D(row["cummulativeQuoteQty"])), f"{mine}: {row}"
        self._fills_equal(theirs["fills"])
        for row in theirs["balances"][self.key]:
            held = Balance.objects.filter(account=self.account, currency=row["asset"]).first()
            assert (held.total if held else 0) == D(row["free"]) + D(row["locked"]), row

    @staticmethod
    def _fills_equal(theirs: list[dict[str, Any]]) -> None:
        def numbers(row: dict[str, Any]) -> Any:
            coin = row["commissionAsset"]
            return D(row["price"]), D(row["qty"]), D(row["commission"]), coin, row["isMaker"], id_theirs(row)

        ours = Fill.objects.select_related("order", "instrument")
        mine = {
            (fill.instrument.market_id.replace("-", ""), fill.trade_id): (
                fill.price, fill.amount, fill.fee, fill.fee_currency, fill.maker, id_core(fill.order)
            )
            for fill in ours
        }  # fmt: skip
        assert len(mine) == len(ours)
        assert mine == {(row["symbol"], str(row["id"])): numbers(row) for row in theirs}
