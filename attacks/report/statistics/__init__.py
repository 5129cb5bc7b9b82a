"""Estimates with intervals that cover what varies."""
