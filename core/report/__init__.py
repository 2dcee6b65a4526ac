"""Files to hand in: a story or a study as a deck, a page, a document and tables."""
