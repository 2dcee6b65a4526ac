"""A story for a defense: slides, each a view of a study with a claim and notes."""
