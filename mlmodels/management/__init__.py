"""Management of learning from the shell."""
