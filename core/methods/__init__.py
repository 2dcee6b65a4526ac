"""Remedies for imbalance: samplers, weights, losses, and their registry."""
