"""The API of the models."""
