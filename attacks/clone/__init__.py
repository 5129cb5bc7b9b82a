"""Clones: how they are trained, and on what."""
