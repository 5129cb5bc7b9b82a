"""A client of your own service, for an audit by python:file=examples/audit/client.py.

It asks the service of examples/audit/service.py; the environment may name another SERVICE.
"""
import os

import requests

from attacks.endpoint.failures import InDoubtError
from attacks.endpoint.failures import RefusedError
from attacks.endpoint.failures import WaitError


def predict(rows):
    """Returns an answer for each row, here pairs of a name and a percentage."""
    return [_ask(row) for row in rows]


def _ask(row):
    service = os.environ.get("SERVICE", "http://127.0.0.1:8000/classify")
    try:
        response = requests.post(service, json={"image": row.tolist()}, timeout=10)
    except requests.ConnectTimeout as error:  # Nothing was sent: not billed, asked again.
        raise RefusedError("no connection") from error
    except requests.ConnectionError as error:  # The row may have been answered: billed again.
        raise InDoubtError("the connection ended") from error
    if response.status_code == 429:  # Not billed, and no row is sent for a minute.
        raise WaitError("too many requests", retry_after_s=60)
    response.raise_for_status()  # Anything else ends the audit.
    return [[each["name"], each["percent"]] for each in response.json()["result"]["all"]]
