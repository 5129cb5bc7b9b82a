"""Numerics of class probabilities, in float32 or better."""
