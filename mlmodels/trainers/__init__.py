"""Trainers: one file each, the same contract (`fit`, `artifact`, `predict`)."""
