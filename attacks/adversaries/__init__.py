"""Adversaries: what a thief makes of the answers. One file per adversary."""
