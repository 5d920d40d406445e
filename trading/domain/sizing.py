"""How much to buy."""

from dataclasses import dataclass
from decimal import Decimal

from trading.domain.money import amount_floor, buy_price, text
from trading.domain.types import InstrumentSpec, IntentTaken, OrderType, Plan, Purpose, Quote, Sizing

CENT = Decimal("0.01")
SELLABLE_MARGIN = Decimal("0.02")  # head room so that the position can still be sold at its stop


@dataclass(frozen=True, slots=True)
class Sized:
    """An entry order before it is placed. `reference` is what one unit is expected to cost."""

    type: OrderType
    amount: Decimal
    price: Decimal | None
    reference: Decimal

    @property
    def cost(self) -> Decimal:
        """Quote currency needed, before fees."""
        return self.amount * self.reference


def entry_capital(intent: IntentTaken, plan: Plan, equity: Decimal) -> Decimal:
    """What an entry may spend: the amount given by hand, else as the plan sizes it. Zero where it cannot be known.

    By volatility: so much that a fall by the stop, or by one mean range of a candle where that is wider, costs the
    plan's share of equity; never more than the plan's share for one trade.
    """
    limits = plan.limits
    if intent.amount_quote is not None:
        return intent.amount_quote
    if limits.sizing is Sizing.FIXED:
        return plan.capital_per_trade
    most = max(equity, Decimal(0)) * limits.equity_share
    if limits.sizing is Sizing.EQUITY:
        return most
    if intent.volatility is None:
        return Decimal(0)
    return min(most, max(equity, Decimal(0)) * limits.risk_per_trade / max(plan.stop_loss, intent.volatility))


def entry_size(intent: IntentTaken, plan: Plan, spec: InstrumentSpec, quote: Quote, equity: Decimal) -> Sized:
    """What may be spent, at the entry price, rounded down to the lot.

    A manual entry without a limit price is a market order, whatever the plan's way in.
    """
    capital = entry_capital(intent, plan, equity)
    if intent.limit_price is not None:
        type_, price = OrderType.LIMIT, buy_price(intent.limit_price, spec.tick_size)
    elif plan.entry_type is OrderType.LIMIT_MAKER and intent.purpose is not Purpose.MANUAL_ENTRY:
        type_, price = OrderType.LIMIT_MAKER, buy_price(quote.bid, spec.tick_size)
    else:
        type_, price = OrderType.MARKET, None
    reference = quote.ask if price is None else price
    amount = amount_floor(capital / reference, spec.lot_size) if reference > 0 else Decimal(0)
    if spec.max_amount is not None:
        amount = min(amount, amount_floor(spec.max_amount, spec.lot_size))
    return Sized(type_, amount, price, reference)


def whole_cost(sized: Sized, plan: Plan) -> Decimal:
    """What an entry may come to with all of its plan's steps in, before fees."""
    return sized.cost * (1 + sum((step.share for step in plan.levels.add_steps), Decimal(0)))


def size_problem(sized: Sized, plan: Plan, spec: InstrumentSpec) -> str:
    """Why an order of this size cannot be traded, in plain words; empty when it can.

    It must also be sellable at its stop: the smallest value is asked of what is left after the fee and the loss.
    """
    if sized.amount <= 0 or sized.amount < spec.min_amount:
        return f"{text(sized.amount)} {spec.base} is below the smallest amount {text(spec.min_amount)}."
    keeps = (1 - plan.stop_loss) * (1 - spec.taker_fee) * (1 - SELLABLE_MARGIN)
    if sized.cost * keeps < spec.min_notional:
        return (
            f"{text(sized.cost)} {spec.quote} could not be sold again at its stop: "
            f"the smallest order is {text(spec.min_notional)} {spec.quote}."
        )
    kept = amount_floor(sized.amount * (1 - spec.taker_fee), spec.lot_size)
    if kept < spec.min_amount or kept <= 0:
        return f"What is left of {text(sized.amount)} {spec.base} after the fee could not be sold again."
    return ""


def steps_problem(sized: Sized, plan: Plan, spec: InstrumentSpec) -> str:
    """Why a step of the plan could not be traded after this entry, in plain words; empty when all of them can."""
    kept = sized.amount * (1 - spec.taker_fee)
    for number, step in enumerate(plan.levels.profit_steps, start=1):
        part = amount_floor(kept * step.share, spec.lot_size)
        if part <= 0 or part < spec.min_amount or part * sized.reference * (1 + step.gain) < spec.min_notional:
            return f"Profit step {number} would sell {text(part)} {spec.base}, which is below the smallest order."
    for number, add in enumerate(plan.levels.add_steps, start=1):
        if sized.cost * add.share < spec.min_notional:
            spent = text((sized.cost * add.share).quantize(CENT))
            return f"Step in {number} would spend {spent} {spec.quote}, which is below the smallest order."
    return ""
