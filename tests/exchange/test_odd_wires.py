"""Whatever OKX, Bybit, KuCoin and MEXC answer, nothing is bought twice or lost: fields, records and whole answers are
spoilt, drawn from a seed, while a position is opened and closed, with a stop at the exchange where it can hold one."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from accounts.clock import clock_set
from accounts.models import ExchangeAccount
from accounts.services.exchange_accounts import account_resume
from tests.exchange.test_wires import Desk, wire  # noqa: F401  the fixture
from tests.exchange.wires import WIRES
from tests.faults.spoiling import Spoiler
from trading import wiring
from trading.models import Bot, Order, Position
from trading.services import intents

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]
SEEDS = {"all": 60}.get(os.environ.get("FAULTS", ""), 2)
STEP = timedelta(seconds=14)  # longer than a request may live there
TURNS = 24


class Odd:
    """A trader at one exchange, whose clock runs ahead from turn to turn."""

    def __init__(self, here, seed: int) -> None:
        self.here, self.ahead = here, timedelta(0)
        self.desk = Desk(here, protection="exchange", stop_loss="0.3", profit_target="0.3")
        self.desk.quotes_show()
        self.spoiler = Spoiler(seed, 0.5)

    def clock(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def turn(self) -> None:
        with clock_set(self.clock):
            self.desk.work()
        self.ahead += STEP

    def spoilt(self, ask) -> None:
        """Some turns in which answers cannot be trusted, comparisons included."""
        with clock_set(self.clock):
            ask()
        self.here.spoiler = self.spoiler
        for _ in range(4):
            self.turn()
            with clock_set(self.clock):
                wiring.process_started()
        self.here.spoiler = None

    def settle(self, held: int, ask) -> None:
        """Owners set going what was stopped, until all is clear; what failed cleanly is asked again."""
        for number in range(TURNS):
            account = ExchangeAccount.objects.get(pk=self.desk.account.pk)
            with clock_set(self.clock):
                if account.status != ExchangeAccount.Status.ACTIVE:
                    account_resume(account=account, actor=None)
                Bot.objects.filter(pk=self.desk.bot.pk).update(status="running", consecutive_errors=0)
                if number in (8, 16) and not self.unclear() and self.held() != held:
                    ask()
            self.turn()
            if number > 2 and not self.unclear() and self.held() == held:
                return
        told = list(Order.objects.values_list("side", "status", "reason", "exchange_order_id"))
        raise AssertionError(f"not settled: {told}, lately asked: {self.here.seen[-6:]}")

    def unclear(self) -> bool:
        return Order.objects.filter(status__in=["pending", "unknown"]).exists()

    def held(self) -> int:
        return Position.objects.filter(status="open").count()

    def buy(self) -> None:
        intents.entry_request(bot=self.desk.bot, symbol="ETH/USDT", amount_quote="80", actor=self.desk.user)

    def sell(self) -> None:
        intents.position_close_request(position=Position.objects.get(status="open"), actor=self.desk.user)


@pytest.mark.parametrize("exchange", WIRES)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_round_trip_through_spoilt_answers(wire, exchange, seed) -> None:  # noqa: F811
    odd = Odd(wire(exchange), seed)
    for ask, held in ((odd.buy, 1), (odd.sell, 0)):
        odd.spoilt(ask)
        odd.settle(held, ask)
    odd.turn()
    odd.desk.ledgers_equal()
    assert odd.spoiler.struck
