"""Backtests and replays: the same engine and paper broker as in trading, in memory.

- `replay(records)` decides recorded inputs again and gives everything that came of them.
- `backtest_run(...)` runs strategies over stored candles.
"""
