"""The time-weighted return: what the account's decisions earned, whatever was paid in or out meanwhile.

Time is cut at every external flow, and the returns of the parts are linked (multiplied). Money that comes in works from
the beginning of its part, money that goes out until its end. Source: C. Bacon, Practical Portfolio Performance
Measurement and Attribution, chapter on the true time-weighted return. The linked factor is kept like the unit price of
a fund (1 at the start), so the return of any period is the quotient of two of them.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal

from trading.domain.money import CONTEXT, exact

ONE = Decimal(1)
ZERO = Decimal(0)
GROWTH_STEP = Decimal("1e-24")


@exact
def growth_next(growth: Decimal, before: Decimal, after: Decimal, flow: Decimal) -> Decimal:
    """The unit price after a part of time: value `before` and `after` it, `flow` paid in (negative: out) within it.

    A part that began or ended with nothing (or with debts) has no return: the unit price stays.
    """
    paid_in, paid_out = max(flow, ZERO), max(-flow, ZERO)
    began, ended = before + paid_in, after + paid_out
    if began <= 0 or ended <= 0:
        return growth
    return (growth * ended / began).quantize(GROWTH_STEP, rounding=ROUND_HALF_EVEN, context=CONTEXT) or GROWTH_STEP


@exact
def period_return(start: Decimal, end: Decimal) -> Decimal:
    """The time-weighted return between two unit prices, a fraction."""
    return end / start - 1


@exact
def flow_value(
    moved: Mapping[str, Decimal],
    before: Mapping[str, Decimal | None] | None,
    now: Mapping[str, Decimal | None],
    prices: Mapping[str, Decimal],
) -> Decimal:
    """What came into the valued part of an account from outside, in its quote currency.

    `moved` is what was paid in and out by currency, `before` and `now` the value of each token held (None: without a
    price), `prices` those of now. A token that gets a price enters with its value, and one that loses it leaves with
    its last one: neither is a profit or a loss. `before` is None where it is not known.
    """
    total = ZERO
    known = before or {}
    for currency in moved.keys() | known.keys() | now.keys():
        entered = currency in known and known[currency] is None and now.get(currency) is not None
        left = known.get(currency) is not None and currency in now and now[currency] is None
        if entered:
            total += now[currency] or ZERO
        elif left:
            total -= known[currency] or ZERO
        elif currency in moved and currency in prices:
            total += moved[currency] * prices[currency]
    return total
