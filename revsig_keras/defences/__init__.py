"""Defences: layers that perturb class probabilities."""
