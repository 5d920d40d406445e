"""One account's turn: check it against its exchange, take what the exchange reports, decide, send, store.

Everything outside is a port (`trading.turn.ports`): database, exchange, market, memory, clock. `trading.wiring` plugs
in the real ones, the simulation in `tests/faults/simulation` its own.
"""
