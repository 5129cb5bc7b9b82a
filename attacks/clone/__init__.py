"""Clones: their recipe, their training, and the transfer set that they are trained on."""
