"""The app's pages, a package each; what they share is in ``shell``."""
