"""Predict: a photo, answered by every method."""
