"""Data: what the methods were trained and tested on."""
