"""The one loop of backtest, paper and live: event -> step -> effects -> save -> broker -> events.

What differs between them is plugged in: the broker, and a `Journal` that keeps what happened.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from accounts.exchanges.errors import ExchangeError
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


@dataclass(frozen=True, slots=True)
class Request:
    """An order or a cancel that is about to leave."""

    ahead: Callable[[], None]  # lets it leave without waiting for the answer; may be left out
    answer: Callable[[], list[Event]]  # waits for the answer


Together = Callable[[Sequence[Request]], Iterable[list[Event]]]


def one_by_one(requests: Sequence[Request]) -> Iterable[list[Event]]:
    """The answers to several requests, asked one after another."""
    return (request.answer() for request in requests)


class Runner:
    """Feeds events to one account's engine and its orders to its broker, until nothing is left to do.

    `together` sends several requests: it yields their answers in the order of the requests, and raises what one of
    them raised when all other answers were yielded.
    """

    def __init__(
        self, state: AccountState, broker: Broker, journal: Journal | None = None, together: Together = one_by_one
    ) -> None:
        self.state = state
        self.broker = broker
        self.journal: Journal = journal if journal is not None else NoJournal()
        self.together = together

    def feed(self, event: Event) -> None:
        """One input. The broker sees the market before the engine does, so its fills are accounted first."""
        self._drain(self.broker.market(event))
        self._drain(self._send(self._step(event, answer=False)))

    def feed_all(self, events: Iterable[Event]) -> None:
        """Several inputs whose orders leave together: all are decided, then committed once, then sent side by side.

        For brokers that are told nothing of the market. Each input is decided with what the ones before it ordered,
        not with what became of their orders. `events` is taken one by one, so that it may look at the state.
        """
        wanted: list[OrderPlaced | CancelAsked] = []
        for event in events:
            wanted += self._step(event, answer=False)
        self._drain(self._send(wanted))

    def recover(self) -> None:
        """Ask the broker what became of every order whose answer is not known (a killed run, a lost answer)."""
        for order in [o for o in self.state.orders.values() if o.status in ("pending", "unknown")]:
            self._drain(self.broker.recover(order, self.state.instruments[order.symbol]))

    def _drain(self, answers: Sequence[Event]) -> None:
        """Answers, and the answers to what they lead to: what those of one wave want is sent together, so that one
        that is slow keeps none of the others waiting for its turn."""
        while answers:
            wanted: list[OrderPlaced | CancelAsked] = []
            for event in answers:
                wanted += self._step(event, answer=True)
            answers = self._send(wanted)

    def _step(self, event: Event, *, answer: bool) -> list[OrderPlaced | CancelAsked]:
        """Decide one event; what it wants to send."""
        effects = step(self.state, event)
        self.journal.note(event, effects, answer=answer)
        return [effect for effect in effects if isinstance(effect, OrderPlaced | CancelAsked)]

    def _send(self, wanted: Sequence[OrderPlaced | CancelAsked]) -> list[Event]:
        if not wanted:
            return []
        self.journal.before_send()
        answers: list[Event] = []
        try:
            for events in self.together([self._request(effect) for effect in wanted]):
                answers += events
        except ExchangeError:
            self._drain(answers)  # what the others were answered is not to be asked again
            raise
        return answers

    def _request(self, effect: OrderPlaced | CancelAsked) -> Request:
        placed = isinstance(effect, OrderPlaced)
        order = self._order(effect.order.client_order_id if isinstance(effect, OrderPlaced) else effect.client_order_id)
        ahead, ask = (
            (self.broker.submit_ahead, self.broker.submit) if placed else (self.broker.cancel_ahead, self.broker.cancel)
        )
        return Request(lambda: ahead(order), lambda: ask(order, self.state.instruments[order.symbol]))

    def _order(self, client_order_id: str) -> OrderState:
        order = order_find(self.state, client_order_id)
        if order is None:
            raise LookupError(f"Order {client_order_id} is not in the state.")
        return order
