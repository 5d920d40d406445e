"""Series that indicators are tested on, and the comparison with TA-Lib."""

import numpy as np
import talib

from signals.candles.matrix import FIELDS, CandleMatrix
from signals.domain.indicators import Indicator
from signals.scan.pass_cpu import lanes_compute

# Several arguments of every kind that TA-Lib has.
TALIB = [
    Indicator(name, args)
    for name, *sets in (
        ("sma", (20,), (1,), (200,)), ("ema", (12,), (1,), (100,)), ("wma", (20,), (1,), (55,)),
        ("hma", (20,), (2,), (3,), (81,)), ("macd", (12, 26, 9), (3, 5, 1), (5, 35, 5)), ("bb", (20, 2), (5, 1.5)),
        ("kc", (20, 10, 2), (5, 30, 1.5), (2, 1, 1)), ("donchian", (20,), (2,), (100,)), ("adx", (14,), (2,), (50,)),
        ("aroon", (14,), (2,), (60,)), ("supertrend", (10, 3), (2, 1), (40, 0.5)), ("sar", (0.02, 0.2), (0.1, 0.1)),
        ("rsi", (14,), (2,), (60,)), ("stoch", (14, 3, 3), (5, 1, 1), (30, 7, 4)),
        ("stochrsi", (14, 14, 3), (14, 5, 3), (2, 2, 2)), ("willr", (14,), (2,), (90,)), ("cci", (20,), (2,), (33,)),
        ("roc", (10,), (1,)), ("mom", (10,), (1,)), ("trix", (15,), (1,), (40,)),
        ("ultosc", (7, 14, 28), (2, 2, 5), (10, 40, 80)), ("atr", (14,), (1,), (50,)), ("natr", (14,), (2,), (50,)),
        ("obv", ()), ("ad", ()), ("vwap", ()), ("mfi", (14,), (2,), (60,)), ("cmf", (20,), (2,), (60,)),
        ("volume_sma", (20,), (3,)),
    )
    for args in sets
]  # fmt: skip


def by_talib(one: Indicator, opens, high, low, close, volume):
    """TA-Lib's columns, in the order of ours."""
    a = tuple(int(arg) if arg == int(arg) else arg for arg in one.args)
    known = {
        "sma": lambda: talib.SMA(close, *a),
        "ema": lambda: talib.EMA(close, *a),
        "wma": lambda: talib.WMA(close, *a),
        "hma": lambda: talib.HMA(close, *a),
        "macd": lambda: talib.MACD(close, *a),
        "bb": lambda: talib.BBANDS(close, a[0], float(a[1]), float(a[1])),
        "kc": lambda: talib.KC(high, low, close, a[0], a[1], float(a[2])),
        "donchian": lambda: talib.DONCHIAN(high, low, *a),
        "adx": lambda: [f(high, low, close, *a) for f in (talib.ADX, talib.PLUS_DI, talib.MINUS_DI)],
        "aroon": lambda: [*talib.AROON(high, low, *a)[::-1], talib.AROONOSC(high, low, *a)],
        "supertrend": lambda: _supertrend(high, low, close, *a),
        "sar": lambda: talib.SAR(high, low, *a),
        "rsi": lambda: talib.RSI(close, *a),
        "stoch": lambda: talib.STOCH(high, low, close, a[0], a[1], 0, a[2], 0),
        "stochrsi": lambda: talib.STOCHRSI(close, *a, 0),
        "willr": lambda: talib.WILLR(high, low, close, *a),
        "cci": lambda: talib.CCI(high, low, close, *a),
        "roc": lambda: talib.ROC(close, *a),
        "mom": lambda: talib.MOM(close, *a),
        "trix": lambda: talib.TRIX(close, *a),
        "ultosc": lambda: talib.ULTOSC(high, low, close, *a),
        "atr": lambda: talib.ATR(high, low, close, *a),
        "natr": lambda: talib.NATR(high, low, close, *a),
        "obv": lambda: talib.OBV(close, volume),
        "ad": lambda: talib.AD(high, low, close, volume),
        "vwap": lambda: talib.VWAP(high, low, close, volume),
        "mfi": lambda: talib.MFI(high, low, close, volume, *a),
        "cmf": lambda: talib.CMF(high, low, close, volume, *a),
        "volume_sma": lambda: talib.SMA(volume, *a),
    }[one.kind]()
    return [known] if isinstance(known, np.ndarray) else known


def _supertrend(high, low, close, period, width):
    line, direction = talib.SUPERTREND(high, low, close, period, float(width))
    return line, np.where(np.isnan(line), np.nan, direction)


def failures(matrix: CandleMatrix, indicators=TALIB, rtol=1e-9):
    """(symbol, column, what) of every column that is not TA-Lib's."""
    lanes = lanes_compute(matrix, indicators)
    found = []
    for row, symbol in enumerate(matrix.symbols):
        series = [np.ascontiguousarray(getattr(matrix, name)[row]) for name in FIELDS]
        for one in indicators:
            for name, theirs in zip(one.columns, by_talib(one, *series), strict=True):
                ours = lanes[name][row]
                if not np.array_equal(np.isnan(ours), np.isnan(theirs)):
                    found.append((symbol, name, "NaN positions"))
                    continue
                told = ~np.isnan(theirs)
                away = np.abs(ours[told] - theirs[told]) - rtol * np.abs(theirs[told])
                if away.size and away.max() > 0:
                    at = int(np.argmax(away))
                    found.append((symbol, name, at, float(ours[told][at]), float(theirs[told][at])))
    return found
