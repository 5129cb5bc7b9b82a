"""Devices, worker processes, and the files that processes share."""
