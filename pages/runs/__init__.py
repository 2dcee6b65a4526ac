"""Runs: learning curves, and how each run was made."""
