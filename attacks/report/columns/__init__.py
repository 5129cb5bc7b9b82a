"""The columns of the tables, each declared once."""
