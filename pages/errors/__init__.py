"""Errors: the hardest classes, what they are taken for, and the images."""
