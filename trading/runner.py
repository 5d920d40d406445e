"""The one loop of backtest, paper and live: event -> step -> effects -> save -> broker -> events.

What differs between them is plugged in: the broker, and a `Journal` that keeps what happened.
"""

from collections import deque
from typing import Protocol

from trading.brokers.port import Broker
from trading.domain.engine import step
from trading.domain.fills import order_find
from trading.domain.types import AccountState, CancelAsked, Effect, Event, OrderPlaced, OrderState


class Journal(Protocol):
    """Keeps inputs and effects."""

    def note(self, event: Event, effects: list[Effect], *, answer: bool) -> None:
        """An event was decided; `answer` when it came from the broker within this run."""
        ...

    def before_send(self) -> None:
        """Orders or cancels are about to leave: what must be durable by then is made so. May raise."""
        ...


class NoJournal:
    """Keeps nothing."""

    def note(self, event: Event, effects: list[Effect], *, answer: bool) -> None:
        """Nothing."""

    def before_send(self) -> None:
        """Nothing."""


class Runner:
    """Feeds events to one account's engine and its orders to its broker, until nothing is left to do."""

    def __init__(self, state: AccountState, broker: Broker, journal: Journal | None = None) -> None:
        self.state = state
        self.broker = broker
        self.journal: Journal = journal if journal is not None else NoJournal()

    def feed(self, event: Event) -> None:
        """One input. The broker sees the market before the engine does, so its fills are accounted first."""
        answers = deque(self.broker.market(event))
        self._drain(answers)
        answers.extend(self._decide(event, answer=False))
        self._drain(answers)

    def recover(self) -> None:
        """Ask the broker what became of every order whose answer is not known (a killed run, a lost answer)."""
        for order in [o for o in self.state.orders.values() if o.status in ("pending", "unknown")]:
            self._drain(deque(self.broker.recover(order, self.state.instruments[order.symbol])))

    def _drain(self, answers: deque[Event]) -> None:
        while answers:
            answers.extend(self._decide(answers.popleft(), answer=True))

    def _decide(self, event: Event, *, answer: bool) -> list[Event]:
        effects = step(self.state, event)
        self.journal.note(event, effects, answer=answer)
        return self._send(effects)

    def _send(self, effects: list[Effect]) -> list[Event]:
        wanted = [effect for effect in effects if isinstance(effect, OrderPlaced | CancelAsked)]
        if not wanted:
            return []
        self.journal.before_send()
        answers: list[Event] = []
        for effect in wanted:
            answers += self._send_one(effect)
        return answers

    def _send_one(self, effect: OrderPlaced | CancelAsked) -> list[Event]:
        if isinstance(effect, OrderPlaced):
            order = self._order(effect.order.client_order_id)
            return self.broker.submit(order, self.state.instruments[order.symbol])
        order = self._order(effect.client_order_id)
        return self.broker.cancel(order, self.state.instruments[order.symbol])

    def _order(self, client_order_id: str) -> OrderState:
        order = order_find(self.state, client_order_id)
        if order is None:
            raise LookupError(f"Order {client_order_id} is not in the state.")
        return order
