"""freqtrade's per-candle analysis of many pairs: `python freqtrade_analyze.py data.npz`; runs in its own environment.

`IStrategy.analyze(pairs)` is what its bot calls at every candle: the data provider's frame of each pair, indicators,
entry and exit columns, and its checks of the result. Only the exchange is replaced, by the frames given.
"""

import json
import logging
import statistics
import sys
import time

import numpy as np
import pandas as pd
import talib.abstract as ta
from freqtrade import __version__
from freqtrade.data.dataprovider import DataProvider
from freqtrade.enums import CandleType, RunMode
from freqtrade.strategy import IStrategy
from technical import qtpylib

ROUNDS = 9
CONFIG = {
    "timeframe": "5m", "stake_currency": "USDT", "stake_amount": 1, "candle_type_def": CandleType.SPOT,
    "runmode": RunMode.DRY_RUN, "dry_run": True, "exchange": {"name": "binance", "pair_whitelist": []},
    "trading_mode": "spot", "margin_mode": "", "max_open_trades": 100,
}  # fmt: skip


class EmaCross(IStrategy):
    """Eleven indicator columns through TA-Lib, and a cross of two of them."""

    INTERFACE_VERSION = 3
    timeframe = "5m"
    minimal_roi = {"0": 10}
    stoploss = -0.99
    startup_candle_count = 40

    def populate_indicators(self, dataframe, metadata):
        """SMA 20, EMA 12 and 26, RSI 14, MACD 12/26/9, Bollinger 20/2, ATR 14."""
        dataframe["sma"] = ta.SMA(dataframe, timeperiod=20)
        dataframe["ema_12"], dataframe["ema_26"] = ta.EMA(dataframe, timeperiod=12), ta.EMA(dataframe, timeperiod=26)
        dataframe["rsi"] = ta.RSI(dataframe, timeperiod=14)
        macd = ta.MACD(dataframe)
        dataframe[["macd", "signal", "hist"]] = macd[["macd", "macdsignal", "macdhist"]]
        bands = ta.BBANDS(dataframe, timeperiod=20, nbdevup=2.0, nbdevdn=2.0)
        dataframe["upper"], dataframe["middle"] = bands["upperband"], bands["middleband"]
        dataframe["lower"] = bands["lowerband"]
        dataframe["atr"] = ta.ATR(dataframe, timeperiod=14)
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        """In when the fast average crosses above."""
        crossed = qtpylib.crossed_above(dataframe["ema_12"], dataframe["ema_26"])
        dataframe.loc[crossed & (dataframe["volume"] > 0), "enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        """Out when it crosses below."""
        crossed = qtpylib.crossed_below(dataframe["ema_12"], dataframe["ema_26"])
        dataframe.loc[crossed & (dataframe["volume"] > 0), "exit_long"] = 1
        return dataframe


class Frames:
    """Stands for the exchange: the candles of each pair."""

    def __init__(self, frames):
        self.frames = frames

    def klines(self, pair_interval, copy=True):
        """As freqtrade's exchange gives them."""
        frame = self.frames[pair_interval[0]]
        return frame.copy() if copy else frame


def frames_of(arrays):
    """A frame a pair."""
    names = ("open", "high", "low", "close", "volume")
    dates = pd.to_datetime(arrays["time"], unit="ms", utc=True)
    return {
        f"P{row}/USDT": pd.DataFrame({"date": dates, **{name: arrays[name][row] for name in names}})
        for row in range(arrays["close"].shape[0])
    }


def main(path):
    """Time the analysis of all pairs."""
    logging.disable(logging.CRITICAL)
    with np.load(path) as given:
        frames = frames_of(dict(given))
    strategy = EmaCross(CONFIG)
    strategy.dp = DataProvider(CONFIG, Frames(frames))
    strategy.ft_load_hyper_params(False)
    times = []
    for _ in range(ROUNDS + 1):
        strategy._IStrategy__last_candle_seen_per_pair.clear()
        began = time.perf_counter()
        strategy.analyze(list(frames))
        times.append(time.perf_counter() - began)
    done, _ = strategy.dp.get_analyzed_dataframe("P0/USDT", "5m")
    entries = int(done["enter_long"].fillna(0).sum())
    told = {"seconds": min(times[1:]), "median": statistics.median(times[1:]), "pairs": len(frames)}
    print(json.dumps(told | {"rows": len(done), "entries_of_first": entries, "version": __version__}))


if __name__ == "__main__":
    main(sys.argv[1])
