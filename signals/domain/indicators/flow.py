"""Which way the traded volume went, guessed from the candle."""

from signals.domain.indicators.catalog import kind
from signals.domain.indicators.language import (
    NAN,
    Rows,
    Value,
    helper,
    larger,
    location_flow,
    select,
    size,
    smaller,
    typical,
)


@helper
def money_moved(price: Value, before: Value, volume: Value) -> tuple[Value, Value]:
    """Price times volume as (risen, fallen); nothing where the price has not moved beyond rounding."""
    move = price - before
    still = size(move) <= 1e-14 * (size(price) + size(before))
    amount = select(still, 0.0, price * volume)
    return select(move < 0.0, 0.0, amount), select(move < 0.0, amount, 0.0)


@kind(
    "mfi",
    group="volume",
    warm_up=lambda period: period,
    state=3,
    source="Quong and Soudack 1989: typical price times volume of rising candles over that of all moving ones, n "
    "candles; 0 where none moved (TA-Lib MFI)",
    default=(14,),
    least=2,
)
def mfi(
    high: Rows, low: Rows, close: Rows, volume: Rows, state: Rows, out: Rows,
    begin: int, end: int, age: int, period: int,
) -> None:  # fmt: skip
    """Money flow index, 0 to 100. State: the two running sums, then candles in a row without any flow."""
    risen = state[0]
    fallen = state[1]
    idle = state[2]
    for t in range(begin, end):
        if age > period:
            old = t - period
            price = typical(high[old], low[old], close[old])
            before = typical(high[old - 1], low[old - 1], close[old - 1])
            up, down = money_moved(price, before, volume[old])
            risen = risen - up
            fallen = fallen - down
        if age > 0:
            price = typical(high[t], low[t], close[t])
            before = typical(high[t - 1], low[t - 1], close[t - 1])
            up, down = money_moved(price, before, volume[t])
            risen = risen + up
            fallen = fallen + down
            # A window without any flow holds only the rounding of what has left it.
            idle = select(up + down == 0.0, smaller(idle + 1.0, period * 1.0), 0.0)
            risen = select(idle >= period, 0.0, risen)
            fallen = select(idle >= period, 0.0, fallen)
        if age < period:
            out[t] = NAN
        else:
            total = risen + fallen
            share = smaller(larger(risen, 0.0), total)
            out[t] = select(total > 0.0, 100.0 * (share / total), 0.0)
        age += 1
    state[0] = risen
    state[1] = fallen
    state[2] = idle


@kind(
    "cmf",
    group="volume",
    warm_up=lambda period: period - 1,
    state=2,
    source="Chaikin's money flow: close location value times volume, summed over n candles, over their volume; 0 "
    "without volume (TA-Lib CMF)",
    default=(20,),
)
def cmf(
    high: Rows, low: Rows, close: Rows, volume: Rows, state: Rows, out: Rows,
    begin: int, end: int, age: int, period: int,
) -> None:  # fmt: skip
    """Chaikin money flow, -1 to 1."""
    flow = state[0]
    total = state[1]
    for t in range(begin, end):
        if age >= period:
            old = t - period
            flow = flow - location_flow(high[old], low[old], close[old], volume[old])
            total = total - volume[old]
        flow = flow + location_flow(high[t], low[t], close[t], volume[t])
        total = total + volume[t]
        if age < period - 1:
            out[t] = NAN
        else:
            out[t] = select(total > 0.0, flow / total, 0.0)
        age += 1
    state[0] = flow
    state[1] = total


@kind(
    "net_flow",
    group="volume",
    warm_up=lambda period: period - 1,
    state=0,
    source="bought less sold volume of n candles, guessed by the close location value: the numerator of the models' "
    "feature flow (and of CMF)",
    default=(20,),
)
def net_flow(
    high: Rows, low: Rows, close: Rows, volume: Rows, state: Rows, out: Rows,
    begin: int, end: int, age: int, period: int,
) -> None:  # fmt: skip
    """Net flow, in base units."""
    for t in range(begin, end):
        if age < period - 1:
            out[t] = NAN
        else:
            total = location_flow(high[t], low[t], close[t], volume[t])
            for k in range(1, period):
                total = total + location_flow(high[t - k], low[t - k], close[t - k], volume[t - k])
            out[t] = total
        age += 1
