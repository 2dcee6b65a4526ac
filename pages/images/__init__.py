"""Images: images of one's own, from the folder to a study."""
