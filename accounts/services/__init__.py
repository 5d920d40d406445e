"""Services of accounts: they write."""
