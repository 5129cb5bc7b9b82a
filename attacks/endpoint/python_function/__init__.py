"""A model behind a Python function, such as the client of a service."""
