/* The sweep of signals/sweep/kernels.py, one thread a parameter set, for NVRTC and nvcc, and for the host's C++ compiler.
 *
 * The same operations in the same order as the CPU's kernels, without contraction (--fmad=false, -ffp-contract=off): the
 * same bits come out. A launch does one block of candles for all sets of a chunk; a set's state lies in global memory
 * between launches, one row a field so that neighbouring threads read neighbours.
 */

typedef long long i64;
typedef unsigned long long u64;

#ifdef __CUDACC__
#define KERNEL extern "C" __global__ void
#define INSIDE static __device__ __forceinline__
#define EACH(i, count) \
    i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; \
    if (i < (count))
#define LOWEST(bits) (__ffs((int)(bits)) - 1)
#define LOGARITHM(n) (31 - __clz((int)(n)))
#else
#define KERNEL extern "C" void
#define INSIDE static inline
#define EACH(i, count) for (i64 i = 0; i < (count); i++)
#define LOWEST(bits) __builtin_ctz(bits)
#define LOGARITHM(n) (31 - __builtin_clz((unsigned)(n)))
#endif

enum { CASH, PRICE, PEAK, WORST, NUMBERS };        /* float64 rows of the state */
enum { ENTRY, SEEN, TRADES, ABOVE, COUNTS };       /* int64 rows */
enum { LAG, SLIPPAGE, FEE, STOP, TAKE };           /* rules */
enum { OPEN, HIGH, LOW, CLOSE };                   /* rows of candles */
enum { FLAT = -1, WORD = 32, SPANS = 8, LONGEST = 256 };

struct Market {
    const double *candles, *low, *high; /* (4, width), (SPANS + 1, size) lowest and highest closes of spans */
    i64 width, size;
    const double *rules;
};

struct Set {
    double cash, price, peak, worst;
    i64 entry, seen, trades, above;
};

INSIDE double candle(const Market &m, int row, i64 t) { return m.candles[row * m.width + t]; }
INSIDE double less(double a, double b) { return b < a ? b : a; }
INSIDE double more(double a, double b) { return b > a ? b : a; }

INSIDE void mark(Set &s, double equity) {
    if (equity > s.peak) s.peak = equity;
    else s.worst = less(s.worst, equity / s.peak);
}

/* Equity marked at the closes of candles first to stop - 1. */
INSIDE void marks(const Market &m, Set &s, i64 first, i64 stop, double units) {
    for (i64 t = first; t < stop;) {
        i64 length = stop - t < LONGEST ? stop - t : LONGEST;
        i64 k = LOGARITHM(length), u = t + length - (1LL << k);
        const double *low = m.low + k * m.size, *high = m.high + k * m.size;
        if (units * more(high[t], high[u]) > s.peak)
            for (i64 i = t; i < t + length; i++) mark(s, units * m.low[i]);
        else
            s.worst = less(s.worst, units * less(low[t], low[u]) / s.peak);
        t += length;
    }
}

INSIDE double units_of(const Market &m, const Set &s) { return s.cash / (s.price * (1.0 + m.rules[FEE])); }

INSIDE void leave(const Market &m, Set &s, i64 bar, double price) {
    double units = units_of(m, s);
    marks(m, s, s.entry, bar, units);
    s.cash = units * (price * (1.0 - m.rules[SLIPPAGE])) * (1.0 - m.rules[FEE]);
    s.entry = FLAT;
    s.seen = bar;
    s.trades += 1;
}

/* Leave at the stop or take where candles up to `until` touch one; the stop goes first. */
INSIDE void watch(const Market &m, Set &s, i64 until) {
    double stop = m.rules[STOP], take = m.rules[TAKE];
    double below = s.price * (1.0 - stop), over = s.price * (1.0 + take);
    i64 t = s.seen;
    while (t <= until && !(stop > 0.0 && candle(m, LOW, t) <= below) && !(take > 0.0 && candle(m, HIGH, t) >= over)) t++;
    s.seen = t;
    if (t > until) return;
    double opened = candle(m, OPEN, t);
    bool stopped = stop > 0.0 && candle(m, LOW, t) <= below;
    leave(m, s, t, stopped ? less(opened, below) : more(opened, over));
}

INSIDE void event(const Market &m, Set &s, i64 t, bool buy) {
    i64 lag = (i64)m.rules[LAG], bar = t + lag;
    if (bar >= m.size) return;
    if (s.entry != FLAT && (m.rules[STOP] > 0.0 || m.rules[TAKE] > 0.0)) watch(m, s, t);
    double price = candle(m, lag ? OPEN : CLOSE, bar);
    if (buy && s.entry == FLAT) {
        if (bar > s.seen) mark(s, s.cash);
        s.price = price * (1.0 + m.rules[SLIPPAGE]);
        s.entry = bar;
        s.seen = t + 1;
    } else if (!buy && s.entry != FLAT) {
        leave(m, s, bar, price);
    }
}

INSIDE Set set_load(const double *numbers, const i64 *counts, i64 sets, i64 k) {
    Set s;
    s.cash = numbers[CASH * sets + k];
    s.price = numbers[PRICE * sets + k];
    s.peak = numbers[PEAK * sets + k];
    s.worst = numbers[WORST * sets + k];
    s.entry = counts[ENTRY * sets + k];
    s.seen = counts[SEEN * sets + k];
    s.trades = counts[TRADES * sets + k];
    s.above = counts[ABOVE * sets + k];
    return s;
}

INSIDE void set_store(const Set &s, double *numbers, i64 *counts, i64 sets, i64 k) {
    numbers[CASH * sets + k] = s.cash;
    numbers[PRICE * sets + k] = s.price;
    numbers[PEAK * sets + k] = s.peak;
    numbers[WORST * sets + k] = s.worst;
    counts[ENTRY * sets + k] = s.entry;
    counts[SEEN * sets + k] = s.seen;
    counts[TRADES * sets + k] = s.trades;
    counts[ABOVE * sets + k] = s.above;
}

/* gaps (length, count): average of the last periods[p] closes minus the close, in ticks, from candle `start` on. */
KERNEL averages(const u64 *sums, const i64 *ticks, const i64 *periods, i64 count, i64 start, i64 length, double *gaps) {
    EACH(i, count * length) {
        i64 t = start + i / count, n = periods[i % count];
        gaps[i] = t + 1 < n ? 0.0 : (double)((i64)(sums[t + 1] - sums[t + 1 - n]) - n * ticks[t]) / (double)n;
    }
}

/* One block of candles; fast and slow are columns of gaps. Crosses are found as bits of 32 candles, then traded. */
KERNEL ma_cross(const double *gaps, const i64 *periods, i64 count, const i64 *fast, const i64 *slow, i64 start, i64 length,
                const double *candles, const double *low, const double *high, i64 width, i64 size, const double *rules,
                i64 sets, double *numbers, i64 *counts) {
    EACH(k, sets) {
        Market m = {candles, low, high, width, size, rules};
        i64 a = fast[k], b = slow[k], first = (periods[a] > periods[b] ? periods[a] : periods[b]) - 1;
        i64 at = first > start ? first - start : 0;
        if (at < length) {
            Set s = set_load(numbers, counts, sets, k);
            if (first >= start) s.above = gaps[at * count + a] > gaps[at * count + b];
            for (; at < length; at += WORD) {
                i64 here = length - at < WORD ? length - at : WORD;
                unsigned above = 0, changed;
                for (i64 i = 0; i < here; i++) {
                    const double *row = gaps + (at + i) * count;
                    above |= (unsigned)(row[a] > row[b]) << i;
                }
                changed = above ^ ((above << 1) | (unsigned)s.above);
                if (here < WORD) changed &= (1u << here) - 1u;
                for (; changed; changed &= changed - 1u) {
                    int i = LOWEST(changed);
                    event(m, s, start + at + i, (above >> i) & 1u);
                }
                s.above = (above >> (here - 1)) & 1u;
            }
            set_store(s, numbers, counts, sets, k);
        }
    }
}

/* Equity at the last close, after the last touched level. */
KERNEL ended(const double *candles, const double *low, const double *high, i64 width, i64 size, const double *rules,
             i64 sets, double *numbers, i64 *counts, double *final_equity) {
    EACH(k, sets) {
        Market m = {candles, low, high, width, size, rules};
        Set s = set_load(numbers, counts, sets, k);
        if (s.entry != FLAT && (rules[STOP] > 0.0 || rules[TAKE] > 0.0)) watch(m, s, size - 1);
        double equity = s.cash;
        if (s.entry == FLAT) {
            mark(s, s.cash);
        } else {
            double units = units_of(m, s);
            marks(m, s, s.entry, size, units);
            equity = units * candle(m, CLOSE, size - 1);
        }
        final_equity[k] = equity;
        set_store(s, numbers, counts, sets, k);
    }
}
