"""Deciding recorded inputs again: the same records give the same orders, fills, positions and ledger."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from trading.backtest.results import Results
from trading.brokers.paper import PaperBroker
from trading.brokers.port import Broker
from trading.domain.records import event_from
from trading.domain.types import AccountState, Event, FillSeen, InstrumentSpec, OrderAnswered, OrderState
from trading.runner import Runner


class RecordedBroker:
    """Answers nothing: what the exchange said is among the records."""

    def submit(self, order: OrderState, instrument: InstrumentSpec) -> list[Event]:
        """Nothing."""
        return []

    def cancel(self, order: OrderState, instrument: InstrumentSpec) -> list[Event]:
        """Nothing."""
        return []

    def submit_ahead(self, order: OrderState) -> None:
        """Nothing: it answers at once."""

    def cancel_ahead(self, order: OrderState) -> None:
        """Nothing: it answers at once."""

    def recover(self, order: OrderState, instrument: InstrumentSpec) -> list[Event]:
        """Nothing."""
        return []

    def market(self, event: Event) -> list[Event]:
        """Nothing."""
        return []


def replay(
    records: Iterable[tuple[str, dict[str, Any]]], *, account_id: UUID, deployment_id: str, quote_currency: str
) -> tuple[AccountState, Results]:
    """Decide records (kind, payload) in their order; the state at the end and all that came of it.

    `deployment_id` is a part of client order ids. Raises ValueError for a record that is no event.
    """
    events = [event_from(kind, payload) for kind, payload in records]
    state = AccountState(account_id, deployment_id, quote_currency)
    answered = any(isinstance(event, OrderAnswered | FillSeen) for event in events)
    broker: Broker = RecordedBroker() if answered else PaperBroker({}, {})
    results = Results()
    runner = Runner(state, broker, results)
    for event in events:
        runner.feed(event)
    return state, results
