"""Candles: the matrix that a scan reads, the store on disk, and how candles come from an exchange."""
