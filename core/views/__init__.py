"""What is looked at: each view of a study, drawn alike for pages, slides and files."""
