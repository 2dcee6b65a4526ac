"""Losses with keras.ops, one module a family."""
