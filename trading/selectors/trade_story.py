"""Everything that explains one trade, from what was stored when it was made."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from accounts.clock import now
from accounts.fields import decimal_text
from signals.quotes import latest
from trading.models import Fill, Intent, Order, Position, RiskEvent
from trading.selectors.positions import OPEN, position_pnl

STORY_ROWS = ("instrument", "bot", "account", "config", "signal__strategy")
TRIES = 3  # a position that changes while each of them reads is told as the last one saw it
ZERO = Decimal(0)
INTERNAL = ("anchor_ms",)
"""Inputs kept so that a signal can be computed again, not to be read."""
CENT = Decimal("0.01")
EXIT_WORDS: dict[str, str] = {
    Intent.Purpose.EXIT: "a selling signal",
    Intent.Purpose.FORCE_EXIT: "asked for by hand, or by a stop that flattens",
    Intent.Purpose.REDUCE: "asked for by hand",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the trade's history; amounts in base, prices and fees as stored."""

    at: datetime
    title: str
    detail: str = ""
    amount: Decimal | None = None
    price: Decimal | None = None
    fee: Decimal | None = None
    fee_currency: str = ""
    slippage_bps: Decimal | None = None
    is_fill: bool = False


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the plan; `price` counts from the average entry (a step in: from the first entry)."""

    title: str
    price: Decimal | None
    words: str
    taken: bool


@dataclass(frozen=True, slots=True)
class Story:
    """A trade with its parts: price result - fees = net, in quote currency.

    Of an open one as of its last price (None while there is none); of a closed one what it came to.
    """

    position: Position
    at: datetime
    steps: list[Step]
    entry: Decimal | None
    exit: Decimal | None
    fees: Decimal
    net: Decimal | None
    share: Decimal | None
    planned_loss: Decimal | None
    planned_gain: Decimal | None
    inputs: list[tuple[str, str]]
    denials: list[RiskEvent]
    ladder: list[Rung] = field(default_factory=list)
    stop_rests: bool = False  # at the exchange
    target_rests: bool = False  # with it

    @property
    def is_open(self) -> bool:
        """Whether the result is only what it would be now."""
        return self.position.status in OPEN

    @property
    def net_cents(self) -> Decimal | None:
        """Net result in cents; with the two below it adds up as written."""
        return None if self.net is None else self.net.quantize(CENT)

    @property
    def fees_cents(self) -> Decimal:
        """Fees in cents, as the cost they are."""
        return -self.fees.quantize(CENT)

    @property
    def gross_cents(self) -> Decimal | None:
        """Price result in cents: what is left of the net when fees are put back."""
        return None if self.net_cents is None else self.net_cents - self.fees_cents


def story_read(position: Position) -> Story:
    """Collect the story of one position (six queries; load `STORY_ROWS` with it).

    All of one moment: a position changes with its fills, so what was read between two equal looks at it belongs to it.
    """
    for _ in range(TRIES):
        story, seen = _told(position), position
        position = Position.objects.select_related(*STORY_ROWS).get(pk=seen.pk)
        if _columns(position) == _columns(seen):
            break
    return story


def _columns(position: Position) -> list[Any]:
    return [getattr(position, column.attname) for column in Position._meta.concrete_fields]


def _told(position: Position) -> Story:
    orders = list(Order.objects.filter(position=position).select_related("intent").order_by("created_at", "id"))
    fills = list(Fill.objects.filter(order__in=orders).select_related("order").order_by("executed_at", "id"))
    entry = position.buy_cost / position.bought if position.bought else None
    net = _net(position)
    stops = [row for row in orders if row.type == Order.Type.STOP and row.status == Order.Status.ACTIVE]
    return Story(
        position=position,
        at=now(),
        steps=_steps(position, orders, fills),
        entry=entry,
        exit=position.sell_proceeds / position.sold if position.sold else None,
        fees=position.fees_quote,
        net=net,
        share=net / position.buy_cost if net is not None and position.buy_cost else None,
        planned_loss=_planned(position, entry, position.stop_price),
        planned_gain=_planned(position, entry, position.target_price),
        inputs=_inputs(position),
        denials=_denials(position),
        ladder=_ladder(position, entry),
        stop_rests=bool(stops),
        target_rests=any(row.target is not None for row in stops),
    )


def _ladder(position: Position, entry: Decimal | None) -> list[Rung]:
    """Profit steps from the furthest down, then steps in."""
    config, out, first = position.config, [], position.first_price or None
    for number, step in enumerate(config.profit_steps):
        gain, share = Decimal(step["gain"]), _hundredths(step["share"])
        price = None if entry is None else entry * (1 + gain)
        words = f"+{_hundredths(gain)} %, sells {share} %"
        out.append(Rung(f"Profit step {number + 1}", price, words, number < position.steps_taken))
    steps = out[::-1]
    for number, step in enumerate(config.add_steps):
        fall, share = Decimal(step["fall"]), _hundredths(step["share"])
        price = None if first is None else first * (1 - fall)
        words = f"−{_hundredths(fall)} %, buys {share} % again"
        steps.append(Rung(f"Step in {number + 1}", price, words, number < position.adds_taken))
    return steps


def _hundredths(fraction: Decimal | str) -> str:
    return decimal_text(Decimal(fraction) * 100)


def _net(position: Position) -> Decimal | None:
    """What a closed trade came to; an open one as if it were sold at the bid, before that sale's fee."""
    if position.status not in OPEN:
        return position.realised_pnl
    quote = latest(position.account.exchange, position.instrument.symbol)
    return None if quote is None or not position.bought else position_pnl(position, quote.bid)


def _planned(position: Position, entry: Decimal | None, price: Decimal | None) -> Decimal | None:
    return None if entry is None or price is None else (price - entry) * position.bought


def _inputs(position: Position) -> list[tuple[str, str]]:
    if position.signal is None:
        return []
    return [
        (name.replace("_", " "), _number(value))
        for name, value in position.signal.inputs.items()
        if name not in INTERNAL
    ]


def _number(value: Any) -> str:
    return f"{value:,.6g}" if isinstance(value, float) else str(value)


def _denials(position: Position) -> list[RiskEvent]:
    """Refusals of the same bot and symbol in the hour before it opened."""
    return list(
        RiskEvent.objects.filter(
            bot=position.bot, intent__instrument=position.instrument, created_at__lte=position.opened_at
        ).order_by("-created_at")[:5]
    )


def _steps(position: Position, orders: list[Order], fills: list[Fill]) -> list[Step]:
    steps = _beginning(position, orders)
    for order in orders:
        steps.extend(_order_steps(order))
    done: dict[int, Decimal] = {}
    for fill in fills:
        done[fill.order_id] = done.get(fill.order_id, ZERO) + fill.amount
        steps.append(_fill_step(fill, done[fill.order_id]))
    return sorted(steps, key=lambda step: step.at)


def _beginning(position: Position, orders: list[Order]) -> list[Step]:
    signal, steps = position.signal, []
    if signal is not None:
        detail = (
            f"{signal.strategy}, confidence {signal.confidence:.2f}, threshold {position.config.confidence_threshold}"
        )
        steps.append(Step(signal.created_at, f"{signal.get_side_display()} signal", detail, price=signal.close))
    seen: set[int] = set()
    for intent in (order.intent for order in orders):
        if intent.pk not in seen:
            seen.add(intent.pk)
            steps.append(
                Step(intent.claimed_at or intent.created_at, intent.get_purpose_display(), _intent_words(intent))
            )
    return steps


def _intent_words(intent: Intent) -> str:
    words = "risk checks passed" if intent.side == "buy" else EXIT_WORDS.get(intent.purpose, "decided by the plan")
    return f"{words}: {intent.reason}" if intent.reason else words


def _order_steps(order: Order) -> list[Step]:
    target = "" if order.target is None else f" or at {decimal_text(order.target)}, whichever is first"
    kind = f"{order.get_type_display().lower()}{target}, id {order.client_order_id}"
    steps = [
        Step(
            order.submitted_at or order.created_at,
            f"{order.get_side_display()} order sent",
            kind,
            order.amount,
            order.price,
        )
    ]
    if order.status in (Order.Status.CANCELLED, Order.Status.REJECTED, Order.Status.EXPIRED) and order.closed_at:
        steps.append(
            Step(
                order.closed_at,
                f"Order {order.get_status_display().lower()}",
                order.reason,
                order.amount - order.filled,
            )
        )
    return steps


def _fill_step(fill: Fill, filled: Decimal) -> Step:
    share = filled / fill.order.amount * 100 if fill.order.amount else ZERO
    title = f"{'Bought' if fill.side == 'buy' else 'Sold'}, {share:.0f} % of the order"
    return Step(
        fill.executed_at,
        title,
        "maker" if fill.maker else "taker",
        fill.amount,
        fill.price,
        fill.fee,
        fill.fee_currency,
        _slippage(fill),
        True,
    )


def _slippage(fill: Fill) -> Decimal | None:
    """Basis points lost against the price that the decision saw, or that a stop waited for; negative is a gain."""
    order = fill.order
    seen = order.reference_price
    if order.type == Order.Type.STOP and order.price:  # placed long before it sold
        reached = order.target is not None and fill.price > (order.price + order.target) / 2
        seen = order.target if reached and order.target else order.price
    if not seen:
        return None
    sign = 1 if fill.side == "buy" else -1
    return (fill.price - seen) / seen * 10000 * sign
