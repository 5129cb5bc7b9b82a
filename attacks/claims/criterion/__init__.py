"""What a claim consists of: its runs, and what its criterion finds in their rows."""
