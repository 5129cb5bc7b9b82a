"""A service of your own, which tells digits apart; with FastAPI, or without if it is not installed.

    python examples/audit/service.py 8000

POST /classify {"image": [[[0.0], ...], ...]} is answered with percentages, the likeliest first:
{"result": {"all": [{"name": "three", "percent": 97.31}, ...]}}. The service prints its address.
"""
import http.server
import json
import pathlib
import socket
import sys

import numpy as np
from sklearn.datasets import load_digits

NAMES = pathlib.Path(__file__).with_name("digits.txt").read_text().split()
X, Y = load_digits(return_X_y=True)
MEANS = np.stack([X[Y == label].mean(axis=0) / 16 for label in range(10)])


def classify(request: dict):
    """Answers a request: the nearer the mean of a class, the likelier."""
    image = np.asarray(request["image"], np.float64).reshape(1, -1)
    scores = np.exp(-4 * ((image - MEANS)**2).sum(axis=1))
    percent = np.round(100 * scores / scores.sum(), 2)
    best = np.argsort(-percent)
    return {"result": {"all": [{"name": NAMES[k], "percent": float(percent[k])} for k in best]}}


class Handler(http.server.BaseHTTPRequestHandler):
    """What FastAPI does, by the standard library."""

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(classify(request)).encode())


def main(port=8000):
    with socket.create_server(("127.0.0.1", int(port))) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}/classify", flush=True)
        try:
            import fastapi
            import uvicorn
        except ImportError:
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler, False)
            server.socket = listener
            server.serve_forever()
        app = fastapi.FastAPI()
        app.post("/classify")(classify)
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run([listener])


if __name__ == "__main__":
    main(*sys.argv[1:])
