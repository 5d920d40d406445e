"""Learning: features, models, their registry and their retraining."""
