"""The rows of results, and what can be asked of them."""
