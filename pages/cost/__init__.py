"""Cost: what each method takes, and whether paying more buys a difference."""
