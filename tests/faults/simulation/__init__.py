"""The whole execution service in memory: virtual clock, seeded scheduler, exchange, database and users in one process.

The code under test is the platform's own (`trading.turn`, `trading.brokers.live`, `trading.domain`); only its ports
are replaced. One seed is one history of random intents, prices, faults, kills, stalls and interleavings; the same seed
is the same history. `python -m tests.faults.simulation --help` runs many, or one again.
"""
