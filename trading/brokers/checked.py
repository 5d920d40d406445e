"""Every answer of an exchange is looked through before anybody believes it. Implements `trading.turn.ports.Exchange`.

An answer that cannot be read, or cannot be, is reported with what the exchange really said, and raised as what it is to
the caller: ambiguous. So an order stays UNKNOWN until it is looked up, and an account is not traded on such balances.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from accounts.exchanges.errors import AnswerImpossible, AnswerUnreadable, readable
from trading.brokers import answers
from trading.domain.odd_answers import OddAnswer
from trading.domain.types import OrderState
from trading.turn.ports import Answer, Exchange, Leaving

T = TypeVar("T")


class CheckedExchange:
    """An exchange of which only sound answers get through; `report` is told of the others.

    `accepted` says whether a person has accepted a fee that would be odd else.
    """

    def __init__(
        self,
        exchange: Exchange,
        report: Callable[[OddAnswer], None],
        accepted: answers.Accepted = answers.none_accepted,
    ) -> None:
        self.exchange, self.report, self.accepted = exchange, report, accepted

    def order_create(self, order: OrderState, leaving: Leaving) -> Answer:
        """Send an order once."""
        return self._asked(
            f"the order to {order.side} {order.symbol}",
            lambda: self.exchange.order_create(order, leaving),
            lambda answer: answers.order_check(answer, order, self.accepted),
        )

    def order_cancel(self, order: OrderState) -> None:
        """Ask for its cancel; what became of it is looked up, so that the answer itself says nothing."""
        self._asked(f"the cancel in {order.symbol}", lambda: self.exchange.order_cancel(order), lambda _answer: None)

    def order_create_ahead(self, order: OrderState, leaving: Leaving) -> None:
        """Begin what `order_create` waits for."""
        self.exchange.order_create_ahead(order, leaving)

    def order_cancel_ahead(self, order: OrderState) -> None:
        """Begin what `order_cancel` waits for."""
        self.exchange.order_cancel_ahead(order)

    def order_look(self, order: OrderState) -> tuple[Answer, list[Answer]]:
        """The order and its trades."""

        def check(found: tuple[Answer, list[Answer]]) -> None:
            answers.order_check(found[0], order, self.accepted)
            answers.trades_check(found[1], order.symbol, order, self.accepted)
            answers.order_value_check(*found)

        what = f"the look-up of the order to {order.side} {order.symbol}"
        return self._asked(what, lambda: self.exchange.order_look(order), check)

    def order_trades(self, order: OrderState, exchange_order_id: str) -> list[Answer]:
        """All executions of one order."""
        return self._asked(
            f"the trades of the order to {order.side} {order.symbol}",
            lambda: self.exchange.order_trades(order, exchange_order_id),
            lambda rows: answers.trades_check(rows, order.symbol, order, self.accepted),
        )

    def trades_since(self, symbol: str, since: datetime) -> list[Answer]:
        """The account's own executions in one symbol."""
        return self._asked(
            f"the account's trades in {symbol}",
            lambda: self.exchange.trades_since(symbol, since),
            lambda rows: answers.trades_check(rows, symbol, accepted=self.accepted),
        )

    def orders_open(self, symbols: Sequence[str]) -> list[Answer]:
        """What rests in these symbols."""
        return self._asked(
            "the list of open orders",
            lambda: self.exchange.orders_open(symbols),
            lambda rows: answers.orders_check(rows, symbols),
        )

    def balances(self) -> dict[str, Decimal]:
        """Totals per currency."""
        return self._asked("the balances", self.exchange.balances, answers.balances_check)

    def _asked(self, what: str, ask: Callable[[], T], check: Callable[[T], None]) -> T:
        answer: Any = None
        try:
            with readable():
                answer = ask()
                check(answer)
        except AnswerUnreadable as error:
            self._odd(what, error, answer)
            raise
        return answer  # type: ignore[no-any-return]

    def _odd(self, what: str, error: AnswerUnreadable, answer: Any) -> None:
        raw = error.raw if answer is None else answers.raw_of(answer)
        fee = error.fee if isinstance(error, answers.FeeImpossible) else None
        self.report(OddAnswer(what, str(error), raw, impossible=isinstance(error, AnswerImpossible), fee=fee))
