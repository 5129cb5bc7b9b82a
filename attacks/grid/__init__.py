"""The grid of an experiment: its configuration and its cells."""
