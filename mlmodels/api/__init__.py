"""API of the learning room."""
