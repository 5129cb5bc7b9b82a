"""Checks for a defence from outside the library."""
from revsig_keras.testing.conformance import check_defence

__all__ = ["check_defence"]
