"""What an account is worth: routes to a price, the value of every token, and the return that deposits do not touch."""
