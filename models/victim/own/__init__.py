"""Victims that were trained elsewhere: Keras files, SavedModels and Python functions."""
