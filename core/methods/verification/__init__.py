"""Checks of our methods against the originals: see ``core.methods.verify``."""
