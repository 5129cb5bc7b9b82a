"""Endpoints that an auditor owns: served models, asked over a network, and what they answered."""
