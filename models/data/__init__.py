"""Data sets, loaded by name, and their splits."""
