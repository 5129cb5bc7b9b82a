"""Oracles: inputs in, answers out, each distinct row charged to a budget."""
