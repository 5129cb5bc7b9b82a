"""Parts of the configuration of an endpoint."""
