"""The execution service in memory: many random histories, and mistakes that they must notice."""

import os
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.exchanges.errors import ExchangeAmbiguous, ExchangeError
from tests.faults.simulation.__main__ import broken
from tests.faults.simulation.database import MemoryStore
from tests.faults.simulation.desk import SimDesk
from tests.faults.simulation.exchange import SimExchange
from tests.faults.simulation.world import World
from trading.brokers import live
from trading.domain import closing, engine, fills, protection
from trading.domain.risk import expiry
from trading.domain.types import ZERO, CashMoved, FillSeen, OrderAnswered, OrderStatus, Purpose
from trading.turn import catch_up, check, execution
from trading.turn.execution import Execution

SEEDS = int(os.environ.get("SIMULATED") or 200)
PIECE = 25
ENOUGH = 1500  # histories in which a planted mistake must show


@pytest.mark.parametrize("first", range(0, SEEDS, PIECE))
def test_no_history_breaks_an_invariant(first):
    assert [found for seed in range(first, first + PIECE) if (found := broken(seed))] == []


def test_a_seed_is_one_history():
    worlds = [World(7), World(7)]
    for world in worlds:
        world.run()
    assert worlds[0].log == worlds[1].log and len(worlds[0].log) > 20
    assert worlds[0].rows[1].records == worlds[1].rows[1].records


def blind_resend(patch):
    """An order whose answer was lost is sent again."""
    create = SimDesk.order_create

    def twice(self, order, leaving):
        try:
            return create(self, order, leaving)
        except ExchangeAmbiguous:
            return create(self, order, leaving)

    patch.setattr(SimDesk, "order_create", twice)


def unclear_is_refused(patch):
    """An order whose answer was lost counts as rejected."""
    submit = live.LiveBroker.submit

    def hasty(self, order, instrument):
        events = submit(self, order, instrument)
        return [
            OrderAnswered(e.at, e.client_order_id, OrderStatus.REJECTED) if getattr(e, "status", "") == "unknown" else e
            for e in events
        ]

    patch.setattr(live.LiveBroker, "submit", hasty)


def fills_count_again(patch):
    """A fill that is told twice is accounted twice."""
    seen = fills.seen

    def forgetful(state, event):
        state.trade_ids.clear()
        return seen(state, event)

    patch.setitem(engine._HANDLERS, FillSeen, forgetful)
    patch.setattr(catch_up, "_known", lambda state, event: False)


def sent_before_commit(patch):
    """Orders leave before they are stored."""
    patch.setattr(Execution, "before_send", lambda self: None)


def absent_too_early(patch):
    """One look that does not find an order proves that it never got there."""
    patch.setattr(live, "EXPIRY", timedelta(0))
    patch.setattr(live, "CLOCK_ERROR", timedelta(0))


def never_absent(patch):
    """An order that never got there is looked for until the end of days."""
    patch.setattr(live.LiveBroker, "_absent", lambda self, order: [])


def stop_ignored_on_the_way(patch):
    """A worker asks for stops when its run begins, and never again."""
    patch.setattr(execution, "STOP_AGE", timedelta(days=1))


def lease_not_proved_on_leaving(patch):
    """A worker that stalled sends its order though another one has taken the account over."""
    patch.setattr(execution, "LEASE_AGE", timedelta(days=1))


def lease_without_fence(patch):
    """Whoever had the lease once may store."""
    patch.setattr(MemoryStore, "_prove", lambda self, lease: None)


def signed_when_it_leaves(patch):
    """A delayed request carries the time at which it is sent, so that the exchange takes it however late."""
    accept = SimExchange.accept

    def fresh(self, account_id, order, signed_at):
        return accept(self, account_id, order, self.world.now())

    patch.setattr(SimExchange, "accept", fresh)


def fees_left_out(patch):
    """Fills are accounted without what they cost."""
    from dataclasses import replace

    told = live.fill_seen
    patch.setattr(live, "fill_seen", lambda *given: replace(told(*given), fee=Decimal(0)))


def cancel_taken_for_done(patch):
    """A cancel that was asked for counts as one that happened."""

    def believed(self, order, instrument):
        with suppress(ExchangeError):
            self.exchange.order_cancel(order)
        return [OrderAnswered(live.now(), order.client_order_id, OrderStatus.CANCELLED)]

    patch.setattr(live.LiveBroker, "cancel", believed)


def end_told_before_its_fills(patch):
    """An order's end is believed though not all of its trades are listed yet, and closed orders are not looked at."""
    patch.setattr(live, "traded", lambda trades: Decimal(10**12))
    patch.setattr(check.Check, "_trades", lambda self, symbol: [])


def difference_booked_at_first_sight(patch):
    """Balances that differ are booked as a transfer at once, though a fill may not be listed yet."""
    patch.setattr(check.Check, "compare", lambda self: [
        CashMoved(self.asked_at, name, amount, f"transfer:{self.asked_at}:{name}")
        for name, amount in self.differences().items()
    ])  # fmt: skip


def compared_while_unclear(patch):
    """An account is compared while the fate of an order is not known: its trades look like trades by hand."""
    patch.setattr(check, "UNCLEAR", ())


def transfers_never_booked(patch):
    """What came or left by another way is shown and forgotten."""
    patch.setattr(check, "CONFIRM", timedelta(days=1))


def changes_seen_too_early(patch):
    """What changed counts as seen before it was decided."""

    def hasty(self, runner, changed, marks):
        self.seen = marks or self.seen
        for change in changed:
            runner.feed(change.event)

    patch.setattr(Execution, "_changes", hasty)


def coins_of_others_sold(patch):
    """A bot sells what the account holds, whoever it belongs to."""
    patch.setattr(closing, "held_by_others", lambda state, base, position_id: ZERO)
    patch.setattr(closing, "sellable", lambda amount, bid, spec: (amount * 3 // spec.lot_size) * spec.lot_size)


def entries_never_late(patch):
    """An old entry is executed, however old."""
    from trading.domain import risk

    patch.setattr(risk, "RULES", tuple(rule for rule in risk.RULES if rule is not expiry.check))


def exit_beside_the_stop(patch):
    """An exit is sent while a stop for the same coins still rests at the exchange."""
    others = closing.orders_of
    patch.setattr(closing, "orders_of", lambda *given: [o for o in others(*given) if o.purpose != Purpose.PROTECT])


def stop_never_resized(patch):
    """A stop that was placed stays as it is, whatever is bought or sold after."""
    patch.setattr(protection, "_unfit", lambda state, position: [])


def a_stop_once_placed_protects(patch):
    """That a stop was sent under an id counts as protection, though it is not there any more."""
    missing = protection._missing
    patch.setattr(protection, "_missing", lambda state, p, at: not p.stops_placed and missing(state, p, at))


BUGS = [
    blind_resend, unclear_is_refused, fills_count_again, sent_before_commit, absent_too_early, never_absent,
    stop_ignored_on_the_way, lease_not_proved_on_leaving, lease_without_fence, signed_when_it_leaves, fees_left_out,
    cancel_taken_for_done, end_told_before_its_fills, difference_booked_at_first_sight, compared_while_unclear,
    transfers_never_booked, changes_seen_too_early, coins_of_others_sold, entries_never_late,
    exit_beside_the_stop, stop_never_resized, a_stop_once_placed_protects,
]  # fmt: skip


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_a_planted_mistake_is_caught(monkeypatch, bug):
    bug(monkeypatch)
    found = next((found for seed in range(ENOUGH) if (found := broken(seed))), "")
    print(found)
    assert found, f"no history in {ENOUGH} noticed: {bug.__doc__}"
