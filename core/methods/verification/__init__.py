"""What holds our methods to the originals: see ``core.methods.verify``."""
