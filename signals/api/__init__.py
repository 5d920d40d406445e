"""The API of signals."""
