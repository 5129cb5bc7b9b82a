"""The choice of a strength: what each one costs honest users."""
