"""Processes on this machine that are one cluster."""
import json
import socket

from tests.programs import Program


def start_workers(count, *arguments):
    """Starts `python -m ARGUMENTS` so many times, each with its TF_CONFIG."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    started = []
    for index in range(count):
        task = {"type": "worker", "index": index}
        config = json.dumps({"cluster": {"worker": addresses}, "task": task})
        started.append(Program(*arguments, variables={"TF_CONFIG": config}))
    return started
