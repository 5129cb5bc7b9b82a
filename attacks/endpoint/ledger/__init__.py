"""The ledger: every row that an auditor sent to an endpoint, and every answer."""
