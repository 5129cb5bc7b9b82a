"""Processes on this machine that are one cluster."""
import json
import os
import socket
import subprocess
import sys

from tests.test_architecture import ROOT


def start_workers(count, *arguments):
    """Starts `python -m ARGUMENTS` so many times, each with its TF_CONFIG."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    started = []
    for index in range(count):
        task = {"type": "worker", "index": index}
        config = json.dumps({"cluster": {"worker": addresses}, "task": task})
        started.append(
            subprocess.Popen([sys.executable, "-m", *map(str, arguments)],
                             cwd=ROOT,
                             env={
                                 **environment, "TF_CONFIG": config
                             },
                             text=True,
                             stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE))
    return started
