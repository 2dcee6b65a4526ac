"""How many doubted labels are shown; read by commands before anything heavy is."""

TOP = 50
"""Images at the head of the ranking that precision is given of."""
LEFT_OUT = 20
"""Test images that are left out of the leaderboard unless others are chosen."""
PAIRS = 10
"""Pairs of a given and a proposed label that are named or drawn at most."""
