"""Rules over attributes that explain what a label means."""
