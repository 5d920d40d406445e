"""How much to buy."""

from dataclasses import dataclass
from decimal import Decimal

from trading.domain.money import amount_floor, buy_price, text
from trading.domain.types import InstrumentSpec, IntentTaken, OrderType, Plan, Purpose, Quote

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


def entry_size(intent: IntentTaken, plan: Plan, spec: InstrumentSpec, quote: Quote) -> Sized:
    """Capital per trade (or the amount of a manual entry) at the entry price, rounded down to the lot.

    A manual entry without a limit price is a market order, whatever the plan's way in.
    """
    capital = plan.capital_per_trade if intent.amount_quote is None else intent.amount_quote
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
