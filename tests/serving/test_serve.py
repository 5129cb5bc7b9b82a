"""The program that serves a folder, for a try."""
import signal
import subprocess
import sys

import numpy as np

from tests.serving import served_model
from tests.serving.clients import in_rows
from tests.serving.clients import post


def test_it_prints_its_addresses_and_serves_until_it_is_told_to_stop(versions):
    command = [sys.executable, "-m", "tests.serving.serve", str(versions)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        rest_url, *_ = process.stdout.readline().split()
        assert rest_url.endswith(f"/v1/models/{served_model.NAME}")
        x = np.float32([[1, 2, 3]])
        status, answer = post(f"{rest_url}:predict", in_rows({"x": x}, "single"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    assert status == 200 and answer == {"predictions": (12 * x).tolist()}
