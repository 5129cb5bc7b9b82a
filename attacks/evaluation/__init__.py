"""Evaluation of clones on rows that no thief has."""
