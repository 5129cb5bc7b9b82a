"""The ledger: what an auditor asked of endpoints, and what was answered."""
