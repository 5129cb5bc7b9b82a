"""Requests over a network, and the meaning of their failures."""
