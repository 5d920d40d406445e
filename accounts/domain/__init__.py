"""Plain Python of accounts."""
