"""Train: start trainings and searches, and watch them."""
