"""A practice exchange: a server that speaks the Binance spot protocol over a market of its own."""
