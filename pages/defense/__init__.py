"""Page Defense: a story for the jury, composed and presented."""
