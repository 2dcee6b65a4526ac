"""Predictions that others made become runs: read, checked as a whole, then written.

A file is read (``reading``), its columns are matched to the tasks (``columns``), its
values are checked (``checking``), and only if nothing is at fault runs are written: to
a study that is there (``predictions``) or to one made of the table (``table_study``).
"""
