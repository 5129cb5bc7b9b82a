"""Rules by which adaptive attacks select their next queries."""
