"""The pages of examples/audit: each command asks its server, and gets the model's answers."""
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits

from attacks import flags
from attacks.endpoint.address import Address
from attacks.endpoint.endpoint import connect
from attacks.endpoint.preparation import Preparation
from tests.attacks.endpoint.look_alikes import LOOK_ALIKES
from tests.attacks.endpoint.look_alikes import scores
from tests.attacks.programs import call
from tests.attacks.programs import parsed
from tests.attacks.programs import summary

ROOT = pathlib.Path(__file__).parents[3]
PAGES = ROOT / "examples" / "audit"
IMAGES = load_digits().images[:64, ..., None].astype("float32") / 16


def commands(page):
    """The flags of the audits on a page."""
    lines = re.findall(r"^python -m attacks\.run (.*)$", (PAGES / f"{page}.md").read_text(), re.M)
    return [shlex.split(line) for line in lines]


def at(address, url):
    """An address at the host of a URL."""
    return Address.parse(re.sub(r"//[^/]+", "//" + url.split("/")[2], str(address)))


def test_each_page_has_a_command_that_is_tested():
    pages = {path.stem for path in PAGES.glob("*.md")} - {"README"}
    elsewhere = {"tensorflow_serving", "fastapi", "python"}
    assert pages == {page for page, _ in LOOK_ALIKES} | elsewhere
    for page in pages:
        tested = sum(name == page for name, _ in LOOK_ALIKES)
        assert page in elsewhere or len(commands(page)) == tested
        assert f"({page}.md)" in (PAGES / "README.md").read_text()


@pytest.mark.parametrize("page, place", LOOK_ALIKES)
def test_the_command_of_a_page_gets_the_answers_of_the_model(page, place, monkeypatch):
    monkeypatch.chdir(ROOT)
    values = parsed(*commands(page)[place])
    config = flags.run_config(values).experiment.victim.endpoint
    if config.address.scheme.startswith("json"):
        pytest.importorskip("jmespath")
    with LOOK_ALIKES[page, place]() as server:
        config = dataclasses.replace(config, address=at(config.address, server.url))
        with contextlib.closing(connect(config)) as endpoint:
            signature, version = endpoint.signature(), endpoint.version()
            assert version in ("unknown", "1")
            rows = Preparation((0, 1), config.input_range, IMAGES.shape[1:], signature)(IMAGES)
            size = endpoint.config.rows_per_request
            answers = [endpoint.predict(rows[start:start + size])[0]
                       for start in range(0, len(rows), size)]  # yapf: disable
    np.testing.assert_allclose(np.concatenate(answers), scores(IMAGES), atol=1e-6)


@pytest.fixture(params=["alone", "fastapi"])
def service(request, tmp_path):
    """The URL of the service of the examples, with the standard library alone or FastAPI."""
    if request.param == "fastapi":
        pytest.importorskip("fastapi")
        pytest.importorskip("uvicorn")
    else:
        (tmp_path / "fastapi.py").write_text("raise ImportError")
    with subprocess.Popen([sys.executable, PAGES / "service.py", "0"],
                          env={**os.environ, "PYTHONPATH": str(tmp_path)},
                          stdout=subprocess.PIPE,
                          text=True) as process:  # yapf: disable
        yield process.stdout.readline().strip()
        process.terminate()


def test_a_service_is_audited_by_json_and_by_a_client_alike(service, tmp_path, monkeypatch):
    """By the commands of both pages, on few rows: answers and clones are the same."""
    pytest.importorskip("jmespath")
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("SERVICE", service)
    small = ("--clone_architecture=mlp", "--steps=20", "--budgets=20", "--eval_rows=30")
    found = []
    for page in ("fastapi", "python"):
        given, = commands(page)
        given = [flag.replace("http://127.0.0.1:8000/classify", service) for flag in given]
        directory = tmp_path / page
        assert call(*given, *small, f"--output_dir={directory}") == 0
        verdict = json.loads((directory / "verdict.json").read_text())
        assert verdict["bill"]["rows_sent"] <= 30 + 20 + 32
        found.append([row["agreement_defended"] for row in summary(directory)])
        assert float(summary(directory)[0]["victim_accuracy_defended"]) > 0.7
    assert found[0] == found[1]
