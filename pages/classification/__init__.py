"""Classification: F1 of each class, confusion matrices, top-k accuracy."""
