"""Requests over a network, and what their failures mean."""
