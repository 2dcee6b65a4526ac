"""Fairness: each group, the gaps, crossings of groups, and what parity costs."""
