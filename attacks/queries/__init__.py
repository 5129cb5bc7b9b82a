"""Attacks: which inputs a thief queries. One file per attack."""
