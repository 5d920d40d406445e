"""The sweep's array kernels: averages of whole ticks, their crosses, and the trades that follow; one thread a call.

Everything works on one symbol, one block of candles at a time for all parameter sets of a chunk, so that what a block
needs stays in the processor's cache. The rules of trading are stated in `signals.sweep.rules`; an event is one number:
twice the candle whose close says so, plus one for a buy.
"""

import numpy as np

from signals.scan.cache import cache_prepare

cache_prepare()

from numba import njit  # noqa: E402  (the cache folder must be set first)

from signals.sweep.bits import WIDTH, above_bits, bit_count, lowest_bit, touched_bits  # noqa: E402

kernel = njit(cache=True, nogil=True, error_model="numpy")

BLOCK = 1024  # candles; a multiple of 64
SPANS = 8  # spans of 2, 4 .. 256 candles whose lowest and highest close are tabled
LONGEST = 1 << SPANS
FLAT = -1
LOGARITHMS = np.array([0, *(length.bit_length() - 1 for length in range(1, LONGEST + 1))])
CASH, PRICE, PEAK, WORST = range(4)  # a set's float64 state; WORST is the lowest share of the peak
ENTRY, SEEN, TRADES, ABOVE = range(
    4
)  # its int64 state; SEEN: the first candle not searched for a touched level, the candle of the last exit while flat
LAG, SLIPPAGE, FEE, STOP, TAKE = range(5)  # rules as float64; LAG 0: filled at the close, 1: at the next open


@kernel
def averages(sums: np.ndarray, ticks: np.ndarray, period: int, start: int, stop: int, out: np.ndarray) -> None:
    """Average of the last `period` closes minus the close, in ticks, for candles start to stop; NaN where too few.

    The sum is exact (modulo 2**64, and its true value is below 2**63): one conversion and one division round.
    """
    first = min(max(start, period - 1), stop)
    out[: first - start] = np.nan
    newest, oldest = sums[first + 1 : stop + 1], sums[first + 1 - period : stop + 1 - period]
    now, target = ticks[first:stop], out[first - start :]
    for i in range(stop - first):
        target[i] = np.float64(np.int64(newest[i] - oldest[i]) - period * now[i]) / period


@kernel
def crosses(fast: np.ndarray, slow: np.ndarray, at: int, stop: int, first: int, above: int, events: np.ndarray) -> int:
    """Events where `fast > slow` changes between places at and stop - 1; returns how many.

    `first` is the candle of place 0, `above` the state before; events int64 (BLOCK + 64,). The bits of 64 candles are
    taken out four at a time without asking, as there are seldom more: a branch a bit would cost more than the rest.
    """
    n, last = 0, np.uint64(above)
    for begin in range(at, stop, 64):
        marks = above_bits(fast, slow, begin)
        bits = marks ^ ((marks << np.uint64(1)) | last)
        last = marks >> np.uint64(63)
        if stop - begin < 64:
            bits &= (np.uint64(1) << np.uint64(stop - begin)) - np.uint64(1)
        place, n = n, n + bit_count(bits)
        for _ in range(4):
            events[place] = first + begin + lowest_bit(bits)
            bits &= bits - np.uint64(1)
            place += 1
        while bits != np.uint64(0):
            events[place] = first + begin + lowest_bit(bits)
            bits &= bits - np.uint64(1)
            place += 1
    for i in range(n):
        events[i] = 2 * events[i] + ((above + i + 1) & 1)
    return n


@kernel
def spans(close: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
    """Lowest and highest close of every 1, 2, 4 .. 64 candles from each one on; low, high (SPANS + 1, time)."""
    size = close.size
    low[0], high[0] = close, close
    for k in range(1, SPANS + 1):
        half = 1 << (k - 1)
        for t in range(size):
            u = min(t + half, size - 1)
            low[k, t] = min(low[k - 1, t], low[k - 1, u])
            high[k, t] = max(high[k - 1, t], high[k - 1, u])


@kernel
def marked(first: int, stop: int, units: float, low: np.ndarray, high: np.ndarray, numbers: np.ndarray) -> None:
    """Equity marked at the closes of candles first to stop - 1: a new peak, or a deeper fall from it."""
    t = first
    while t < stop:
        length = min(stop - t, LONGEST)
        k = LOGARITHMS[length]
        u = t + length - (1 << k)
        if units * max(high[k, t], high[k, u]) > numbers[PEAK]:
            for i in range(t, t + length):
                marked_one(units * low[0, i], numbers)
        else:
            worst = units * min(low[k, t], low[k, u]) / numbers[PEAK]
            numbers[WORST] = min(numbers[WORST], worst)
        t += length


@kernel
def marked_one(equity: float, numbers: np.ndarray) -> None:
    """One mark."""
    if equity > numbers[PEAK]:
        numbers[PEAK] = equity
    else:
        numbers[WORST] = min(numbers[WORST], equity / numbers[PEAK])


@kernel
def left(
    bar: int,
    price: float,
    low: np.ndarray,
    high: np.ndarray,
    rules: np.ndarray,
    numbers: np.ndarray,
    counts: np.ndarray,
) -> None:
    """The position is sold at `price`, before slippage and fee, in candle `bar`; marks before that candle are taken.

    The cash is marked with the next buy, or at the end: a buy at the close of `bar` itself leaves it without a mark.
    """
    units = numbers[CASH] / (numbers[PRICE] * (1.0 + rules[FEE]))
    marked(counts[ENTRY], bar, units, low, high, numbers)
    numbers[CASH] = units * (price * (1.0 - rules[SLIPPAGE])) * (1.0 - rules[FEE])
    counts[ENTRY], counts[SEEN] = FLAT, bar
    counts[TRADES] += 1


@kernel
def touched(lows: np.ndarray, highs: np.ndarray, first: int, stop: int, below: float, over: float) -> int:
    """The first candle of first to stop - 1 with a low at or under `below` or a high at or over `over`, else `stop`."""
    for at in range(first, stop, 64):
        bits = touched_bits(lows, highs, at, below, over)
        if bits != np.uint64(0):
            return min(at + lowest_bit(bits), stop)
    return stop


@kernel
def stopped(
    until: int, candles: np.ndarray, low: np.ndarray, high: np.ndarray, rules: np.ndarray, numbers: np.ndarray,
    counts: np.ndarray,
) -> None:  # fmt: skip
    """Leave the position at its stop or take where candles up to `until` touch one; the stop goes first."""
    below = numbers[PRICE] * (1.0 - rules[STOP]) if rules[STOP] > 0.0 else -np.inf
    over = numbers[PRICE] * (1.0 + rules[TAKE]) if rules[TAKE] > 0.0 else np.inf
    bar = touched(candles[2], candles[1], counts[SEEN], until + 1, below, over)
    counts[SEEN] = bar
    if bar > until:
        return
    price = min(candles[0, bar], below) if candles[2, bar] <= below else max(candles[0, bar], over)
    left(bar, price, low, high, rules, numbers, counts)


@kernel
def traded(
    events: np.ndarray, number: int, candles: np.ndarray, low: np.ndarray, high: np.ndarray, rules: np.ndarray,
    levels: bool | None, numbers: np.ndarray, counts: np.ndarray,
) -> None:  # fmt: skip
    """Let events happen to one parameter set; candles float64 (4, time + WIDTH): open, high, low, close.

    `levels` is True with a stop or take and None without: numba then compiles a version that knows no levels.
    """
    lag = int(rules[LAG])
    prices = candles[0] if lag else candles[3]
    for i in range(number):
        t, buy = events[i] >> 1, events[i] & 1
        bar = t + lag
        if bar >= low.shape[1]:
            break
        if levels is not None and counts[ENTRY] != FLAT:
            stopped(t, candles, low, high, rules, numbers, counts)
        if buy and counts[ENTRY] == FLAT:
            if bar > counts[SEEN]:
                marked_one(numbers[CASH], numbers)
            numbers[PRICE] = prices[bar] * (1.0 + rules[SLIPPAGE])
            counts[ENTRY], counts[SEEN] = bar, t + 1
        elif not buy and counts[ENTRY] != FLAT:
            left(bar, prices[bar], low, high, rules, numbers, counts)


@kernel
def ended(
    candles: np.ndarray, low: np.ndarray, high: np.ndarray, rules: np.ndarray, levels: bool | None,
    numbers: np.ndarray, counts: np.ndarray,
) -> float:  # fmt: skip
    """Equity at the last close, after the last touched level."""
    size = low.shape[1]
    if levels is not None and counts[ENTRY] != FLAT:
        stopped(size - 1, candles, low, high, rules, numbers, counts)
    if counts[ENTRY] == FLAT:
        marked_one(numbers[CASH], numbers)
        return numbers[CASH]
    units = numbers[CASH] / (numbers[PRICE] * (1.0 + rules[FEE]))
    marked(counts[ENTRY], size, units, low, high, numbers)
    return units * candles[3, size - 1]


@kernel
def ma_cross(
    sums: np.ndarray, ticks: np.ndarray, candles: np.ndarray, low: np.ndarray, high: np.ndarray, periods: np.ndarray,
    fast: np.ndarray, slow: np.ndarray, rules: np.ndarray, levels: bool | None, numbers: np.ndarray,
    counts: np.ndarray, final: np.ndarray,
) -> None:  # fmt: skip
    """All sets of a chunk over all candles; fast and slow are rows of `periods`, each set's state begins as given."""
    gaps = np.empty((periods.size, BLOCK + WIDTH))
    events = np.empty(BLOCK + WIDTH, np.int64)
    for start in range(0, ticks.size, BLOCK):
        stop = min(start + BLOCK, ticks.size)
        for p in range(periods.size):
            averages(sums, ticks, periods[p], start, stop, gaps[p])
        for k in range(fast.size):
            first = max(periods[fast[k]], periods[slow[k]]) - 1
            if first >= stop:
                continue
            skip = max(first - start, 0)
            a, b = gaps[fast[k]], gaps[slow[k]]
            if first >= start:
                counts[k, ABOVE] = a[skip] > b[skip]
            n = crosses(a, b, skip, stop - start, start, counts[k, ABOVE], events)
            counts[k, ABOVE] = (counts[k, ABOVE] + n) & 1
            traded(events, n, candles, low, high, rules, levels, numbers[k], counts[k])
    for k in range(fast.size):
        final[k] = ended(candles, low, high, rules, levels, numbers[k], counts[k])


@kernel
def sided(
    side: np.ndarray, candles: np.ndarray, low: np.ndarray, high: np.ndarray, rules: np.ndarray, levels: bool | None,
    numbers: np.ndarray, counts: np.ndarray, events: np.ndarray,
) -> float:  # fmt: skip
    """One set whose signals are given: side int8 (time,), 1 buy, -1 sell; events is scratch int64 (time,)."""
    n = 0
    for t in range(side.size):
        if side[t] != 0:
            events[n] = 2 * t + (side[t] > 0)
            n += 1
    traded(events, n, candles, low, high, rules, levels, numbers, counts)
    return ended(candles, low, high, rules, levels, numbers, counts)
