"""Reading TF_CONFIG."""
import json

import pytest

from models.processes.cluster import Cluster
from models.processes.cluster import read_cluster

TWO = ["a:1", "b:2"]


def config(cluster, kind="worker", index=0):
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


@pytest.mark.parametrize("text, expected", [
    ("", None),
    ("{}", None),
    (config({}), None),
    (config({"worker": TWO}), Cluster(2, True)),
    (config({"worker": TWO}, index=1), Cluster(2, False)),
    (config({"worker": TWO}, index="1"), Cluster(2, False)),
    (config({"chief": ["c:3"], "worker": TWO}), Cluster(3, False)),
    (config({"chief": ["c:3"], "worker": TWO}, "chief"), Cluster(3, True)),
])  # yapf: disable
def test_the_size_and_the_chief_of_a_cluster(text, expected, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    assert read_cluster() == expected


@pytest.mark.parametrize("text", [
    "no JSON", "[1]", json.dumps({"cluster": {"worker": TWO}}), config({"worker": TWO}, index=2),
    config({"worker": TWO}, index=-1), config({"worker": TWO}, index=None),
    config({"worker": TWO}, "chief"), config({"worker": TWO, "ps": ["c:3"]}),
    config({"worker": ["a", "b"]}), config({"worker": 2}), config({"worker": [["a:1"], "b:2"]}),
    config({"chief": TWO, "worker": ["c:3"]})
])  # yapf: disable
def test_anything_but_a_cluster_of_workers_is_refused(text, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match="TF_CONFIG must be of the form .* Received: "):
        read_cluster()
