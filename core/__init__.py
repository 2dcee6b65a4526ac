"""Compare remedies for imbalanced image data."""
