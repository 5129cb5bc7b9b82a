"""Serves a folder of versions by the server of these tests, where there is no TensorFlow Serving.

    python -m tests.serving.serve runs/serving/digits
"""
import pathlib
import signal
import sys

from tests.serving.server import ModelServer


def main(base_path, *name):
    base = pathlib.Path(base_path)
    with ModelServer(base, *(name or (base.resolve().name,))) as server:
        grpc = server.grpc_address and f"grpc://{server.grpc_address}/{server.name}"
        print(server.rest_url, grpc or "", flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    main(*sys.argv[1:])
