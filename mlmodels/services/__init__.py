"""Writes of the learning room: the registry and the training runs."""
