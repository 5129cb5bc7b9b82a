"""The training loop that victims and clones share."""
