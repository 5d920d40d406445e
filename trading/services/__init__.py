"""Writes of the trading room: keyword-only `noun_verb` functions."""
