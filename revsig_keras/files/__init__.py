"""Reads what users name: arrays, byte strings, and files with classes of their own."""
