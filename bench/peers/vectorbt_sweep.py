"""vectorbt's sweep of dual averages: `python vectorbt_sweep.py data.npz`; runs in its own environment.

Columns are done some at a time, as its memory asks for; of two sizes the faster one is what counts. The final equity
of every set comes back in the JSON, with the seconds of each round over all sets.
"""

import json
import sys
import time
import warnings

import numpy as np
import pandas as pd
import vectorbt as vbt
from vectorbt.portfolio.enums import StopEntryPrice, StopExitPrice

warnings.filterwarnings("ignore")
SIZES = (25, 50)


def averages_of(close, periods, name):
    """vectorbt's own moving averages."""
    return vbt.MA.run(close, [int(period) for period in periods], short_name=name)


def final_equity(data, pairs, options):
    """Final equity of some sets."""
    fast, slow = (averages_of(data["close"], pairs[:, column], name) for column, name in ((0, "fast"), (1, "slow")))
    entries, exits = fast.ma_crossed_above(slow), fast.ma_crossed_below(slow)
    made = vbt.Portfolio.from_signals(data["close"], entries, exits, freq="5min", **options)
    return made.final_value().to_numpy()


def rounds(data, pairs, options, size):
    """Seconds and final equity of one round over all sets, `size` columns at a time."""
    began = time.perf_counter()
    parts = [final_equity(data, pairs[start : start + size], options) for start in range(0, len(pairs), size)]
    return time.perf_counter() - began, np.concatenate(parts)


def main(path):
    """Time all sets, after a small round that compiles."""
    with np.load(path) as given:
        arrays = dict(given)
    index = pd.date_range("2020", periods=arrays["close"].size, freq="5min")
    data = {name: pd.Series(arrays[name], index=index, name=name) for name in ("open", "high", "low", "close")}
    fee, slippage, stop, take, balance = arrays["rules"].tolist()
    options = {"init_cash": balance, "fees": fee, "slippage": slippage}
    if stop or take:
        options |= {name: data[name] for name in ("open", "high", "low")}
        options |= {"stop_entry_price": StopEntryPrice.FillPrice, "stop_exit_price": StopExitPrice.StopMarket}
        options |= {name: value for name, value in (("sl_stop", stop), ("tp_stop", take)) if value}
    pairs = arrays["pairs"]
    rounds(data, pairs[:4], options, 4)
    best = min(SIZES, key=lambda size: rounds(data, pairs[:100], options, size)[0])
    seconds, equity = rounds(data, pairs, options, best)
    told = {"seconds": seconds, "columns": best, "version": vbt.__version__, "final_equity": equity.tolist()}
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])
