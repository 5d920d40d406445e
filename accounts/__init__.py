"""Users, exchange accounts and how a connection to an exchange is made."""
