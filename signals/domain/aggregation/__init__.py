"""How the votes of strategies and models become one signal: evidence, learned weights, thresholds. Plain Python.

Every sum is `math.fsum`, which rounds once: the order of votes, outcomes or candles never changes a bit.
"""
