"""The program that serves a folder, for a try."""
import signal

import numpy as np

from tests.programs import Program
from tests.serving import served_model
from tests.serving.clients import in_rows
from tests.serving.clients import post


def test_it_prints_its_addresses_and_serves_until_it_is_told_to_stop(versions):
    program = Program("tests.serving.serve", versions)
    rest_url, *_ = program.first_line(60).split()
    assert rest_url.endswith(f"/v1/models/{served_model.NAME}")
    x = np.float32([[1, 2, 3]])
    status, answer = post(f"{rest_url}:predict", in_rows({"x": x}, "single"))
    program.send_signal(signal.SIGTERM)
    program.communicate(30)
    assert program.returncode == 0
    assert status == 200 and answer == {"predictions": (12 * x).tolist()}
