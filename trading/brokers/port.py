"""What every broker can do. The engine's runner knows brokers by this protocol only."""

from typing import Protocol

from trading.domain.types import Event, InstrumentSpec, OrderState


class Broker(Protocol):
    """Takes orders and tells what became of them, as `OrderAnswered` and `FillSeen` events.

    Answers may come at once (as return values) or later (a live account's user stream hands them to
    `account_execute(events=...)`). A broker never raises for what an exchange may answer: an ambiguous
    answer is `OrderAnswered(UNKNOWN)`, a refused order `OrderAnswered(REJECTED)`. It may raise
    `accounts.exchanges.errors.ExchangeStopped` or `ExchangeRetry`: the run then ends, and what was stored stays.
    """

    def submit(self, order: OrderState, instrument: InstrumentSpec) -> list[Event]:
        """Send a new order. It is stored and committed already; its client order id never changes."""
        ...

    def cancel(self, order: OrderState, instrument: InstrumentSpec) -> list[Event]:
        """Ask for the rest of an order to be cancelled. An ambiguous answer is an empty list: asked again later."""
        ...

    def submit_ahead(self, order: OrderState) -> None:
        """Let an order leave whose `submit` follows, if it has a way to go. Never waits and never raises."""
        ...

    def cancel_ahead(self, order: OrderState) -> None:
        """The same of a cancel."""
        ...

    def recover(self, order: OrderState, instrument: InstrumentSpec) -> list[Event]:
        """What became of an order that is stored as PENDING or UNKNOWN (a run was killed, an answer was lost)?

        Looks it up by its client order id and never sends it again. Empty: still not known.
        """
        ...

    def market(self, event: Event) -> list[Event]:
        """The market moved or the account's cash changed. Only a broker that fills orders itself answers."""
        ...
