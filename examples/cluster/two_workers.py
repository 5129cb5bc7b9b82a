"""Two workers on this machine do a run together, each clone trained by both:

  python examples/cluster/two_workers.py --output_dir=runs/two_workers --steps=2000

They are started again while one of them was lost, as a cluster's manager would do it. To see that,
kill one: `kill -9 PID`. The flags are those of attacks.run.
"""

import json
import os
import signal
import socket
import subprocess
import sys

# Both are started again after these: a worker lost its fellow, or was asked to end.
_GO_ON = (75, 143)


def free_addresses(count):
    """Addresses on this machine that nobody listens at."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return addresses


def start(addresses, index, flags):
    """A worker, which knows from TF_CONFIG who the others are and which it is."""
    task = {"type": "worker", "index": index}
    config = json.dumps({"cluster": {"worker": addresses}, "task": task})
    command = [sys.executable, "-m", "attacks.run", "--distribution=multi_worker", *flags]
    return subprocess.Popen(command, env={**os.environ, "TF_CONFIG": config})


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    while True:
        addresses = free_addresses(2)
        workers = [start(addresses, index, sys.argv[1:]) for index in range(2)]
        print("workers:", *(worker.pid for worker in workers), flush=True)
        try:
            statuses = [worker.wait() for worker in workers]
        except BaseException:  # Asked to end: so are they, and keep what they train.
            for worker in workers:
                worker.terminate()
            sys.exit(max(worker.wait() for worker in workers))
        if all(status >= 0 and status not in _GO_ON for status in statuses):
            sys.exit(max(statuses))


if __name__ == "__main__":
    main()
