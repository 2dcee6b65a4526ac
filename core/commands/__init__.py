"""The commands, a module each, and what they print and read in common."""
