"""What must hold when a history has come to rest: both sides' books are equal to the last digit."""

from collections import Counter
from decimal import Decimal
from typing import Any

from tests.faults.simulation.database import Broken, Rows
from tests.faults.simulation.exchange import SimAccount, SimOrder
from trading.backtest.replay import RecordedBroker
from trading.backtest.results import Results
from trading.domain.types import ZERO, AccountState, OrderStatus, PositionStatus, Purpose, Side
from trading.runner import Runner

STATUS = {"closed": OrderStatus.FILLED, "canceled": OrderStatus.CANCELLED, "open": OrderStatus.ACTIVE}
NEVER = (OrderStatus.REJECTED,)


def check_all(world: Any) -> None:
    """Raise Broken at the first difference."""
    for account_id, rows in world.rows.items():
        theirs = world.exchange.accounts[account_id]
        _orders(rows, theirs)
        _fills(rows, theirs)
        _balances(rows, theirs)
        _outside(rows, theirs)
        _positions(rows)
        _intents(rows)
        _replayed(world, account_id, rows)


def _ours(theirs: SimAccount) -> list[SimOrder]:
    """Without what the owner traded by hand."""
    return [order for order in theirs.orders if not order.client_id.startswith("web_")]


def _orders(rows: Rows, theirs: SimAccount) -> None:
    sent = Counter(order.client_id for order in _ours(theirs))
    if twice := [name for name, count in sent.items() if count > 1]:
        raise Broken(f"sent twice under one id: {twice}")
    for order in _ours(theirs):
        ours = rows.orders.get(order.client_id)
        if ours is None:
            raise Broken(f"the exchange has {order}, we have nothing")
        if (ours.status, ours.filled) != (STATUS[order.status], order.filled):
            raise Broken(f"the exchange has {order.status} {order.filled}, we have {ours.status} {ours.filled}")
    for name, ours in rows.orders.items():
        if name not in sent and ours.status not in NEVER:
            raise Broken(f"we have {ours}, the exchange has nothing")


def _fills(rows: Rows, theirs: SimAccount) -> None:
    told = {(o.symbol, t["id"]): (o.client_id, t["info"]) for o in _ours(theirs) for t in o.trades}
    if told.keys() != rows.fills.keys():
        raise Broken(f"fills differ: {told.keys() ^ rows.fills.keys()}")
    for key, (name, info) in told.items():
        ours_name, fill = rows.fills[key]
        ours = (ours_name, fill.price, fill.amount, fill.fee)
        if ours != (name, Decimal(info["p"]), Decimal(info["q"]), Decimal(info["f"])):
            raise Broken(f"fill {key}: we have {ours}, the exchange {name} {info}")


def _balances(rows: Rows, theirs: SimAccount) -> None:
    sums: dict[str, Decimal] = {}
    for (_, currency), amount in rows.ledger.items():
        sums[currency] = sums.get(currency, ZERO) + amount
    for name in sums.keys() | rows.balances.keys() | theirs.balances.keys():
        ours, has = rows.balances.get(name, ZERO), theirs.balances.get(name, ZERO)
        if ours != sums.get(name, ZERO):
            raise Broken(f"{name}: balance {ours}, its ledger lines sum up to {sums.get(name)}")
        if ours != has:
            raise Broken(f"{name}: we have {ours}, the exchange {has}")


def _outside(rows: Rows, theirs: SimAccount) -> None:
    """What was booked as done by hand or as a transfer was that: nothing is explained away."""
    by_hand = [o for o in theirs.orders if o.client_id.startswith("web_")]
    trades = {trade["id"] for order in by_hand for trade in order.trades}
    moved = {"USDT", "BNB"} | {o.symbol.split("/")[0] for o in by_hand} if by_hand else set()
    moved |= theirs.moved
    for reference, currency in rows.ledger:
        kind, _, rest = reference.partition(":")
        if kind == "outside" and rest.split(":")[1] not in trades:
            raise Broken(f"{reference} was booked as traded by hand, and was our own")
        if kind == "transfer" and currency not in moved:
            raise Broken(
                f"{rows.ledger[reference, currency]} {currency} were booked as a transfer, and nobody moved any"
            )


def _positions(rows: Rows) -> None:
    """A position is the sum of its fills; its result what the quote currency changed by, but for the cost of its dust,
    which is handed on and never made or lost."""
    for position in rows.positions.values():
        fills = [
            (rows.orders[name], fill)
            for name, fill in rows.fills.values()
            if rows.orders[name].position_id == position.position_id
        ]
        base = position.symbol.split("/")[0]
        bought = sum((f.amount for o, f in fills if o.side is Side.BUY), ZERO)
        sold = sum((f.amount for o, f in fills if o.side is Side.SELL), ZERO)
        kept = bought - sum((f.fee for o, f in fills if o.side is Side.BUY and f.fee_currency == base), ZERO)
        if (bought, sold) != (position.bought, position.sold):
            raise Broken(
                f"position {position.position_id}: {position.bought} {position.sold}, its fills {bought} {sold}"
            )
        if kept + position.dust_moved - sold != position.amount + position.dust + position.gone:
            raise Broken(
                f"position {position.position_id} holds {position.amount} and {position.dust}, fills say {kept - sold}"
            )
        if position.amount < 0:
            raise Broken(f"position {position.position_id} holds {position.amount}")
        if position.status is PositionStatus.CLOSED:
            cash = sum((-f.price * f.amount if o.side is Side.BUY else f.price * f.amount for o, f in fills), ZERO)
            owned = position.dust_cost + position.gone_cost
            if cash - position.fees_cash - position.cost_moved + owned != position.realised_pnl:
                raise Broken(f"position {position.position_id}: result {position.realised_pnl}, cash {cash}")
            if bool(position.dust) != bool(position.dust_cost):
                raise Broken(f"position {position.position_id}: {position.dust} left that cost {position.dust_cost}")
    if moved := sum((position.cost_moved for position in rows.positions.values()), ZERO):
        raise Broken(f"dust was handed on, and {moved} of its cost was made or lost")


def _intents(rows: Rows) -> None:
    """A fill found at the very end may have opened a position again: its stop rests for as long as it is held."""
    held = {position_id for position_id, position in rows.positions.items() if position.status is PositionStatus.OPEN}
    stops = [o for o in rows.orders.values() if o.purpose is Purpose.PROTECT and o.status is OrderStatus.ACTIVE]
    resting = {order.intent_id for order in stops if order.position_id in held}
    waiting = [
        row
        for row in rows.intents.values()
        if row.status in ("pending", "claimed") and row.taken.intent_id not in resting
    ]
    if waiting:
        raise Broken(f"intents wait for ever: {waiting}")
    if rows.paused or rows.unconfirmed:
        raise Broken(f"the account is not at rest: {rows.paused} {rows.unconfirmed}")


def _replayed(world: Any, account_id: int, rows: Rows) -> None:
    """Deciding the recorded inputs again gives the same orders and positions."""
    from uuid import UUID

    state, results = AccountState(UUID(int=account_id), "simulated", "USDT"), Results()
    runner = Runner(state, RecordedBroker(), results)
    for event in rows.records:
        runner.feed(event)
    if results.orders.keys() != rows.orders.keys():
        found = {
            name: rows.orders.get(name) or results.orders[name] for name in results.orders.keys() ^ rows.orders.keys()
        }
        raise Broken(f"a replay gives other orders: {found}")
    for name, order in results.orders.items():
        ours = rows.orders[name]
        if (order.status, order.filled, order.amount) != (ours.status, ours.filled, ours.amount):
            raise Broken(f"a replay gives {order}, stored is {ours}")
