"""The API of accounts, and what all rooms of the API share."""
