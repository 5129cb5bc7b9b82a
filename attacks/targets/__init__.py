"""Targets: the oracle and the evaluation of one victim."""
