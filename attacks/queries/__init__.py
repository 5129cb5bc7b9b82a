"""Which inputs a thief queries: a file for each attack."""
