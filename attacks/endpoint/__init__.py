"""Served models that an auditor owns, asked over a network, and the ledger of their answers."""
