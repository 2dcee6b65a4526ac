"""Overview: which method helps, by how much, and whether that is certain."""
