"""The API of trading."""
