"""The fastest precision, by the properties that devices report."""
import types

import pytest
import tensorflow as tf

from models.training import precision


@pytest.mark.parametrize("flags, name", [
    ({"avx512f", "avx512_bf16"}, "mixed_bfloat16"),
    ({"amx_bf16"}, "mixed_bfloat16"),
    ({"avx512f"}, "float32"),
    (set(), "float32"),
])
def test_of_processors(flags, name, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    monkeypatch.setattr(precision, "_processor_flags", lambda: flags)
    chosen, why = precision.fastest()
    assert chosen == name and "bfloat16 in hardware" in why


@pytest.mark.parametrize("details, name", [
    ({"compute_capability": (9, 0), "device_name": "H100"}, "mixed_bfloat16"),
    ({"compute_capability": (7, 5), "device_name": "T4"}, "mixed_float16"),
    ({"compute_capability": (6, 1), "device_name": "P40"}, "float32"),
    ({}, "float32"),
])  # yapf: disable
def test_of_gpus(details, name, monkeypatch):
    gpu = types.SimpleNamespace(name="/physical_device:GPU:0")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [gpu])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda device: details)
    chosen, why = precision.fastest()
    assert chosen == name and details.get("device_name", gpu.name) in why
    assert chosen in precision.NAMES


def test_a_system_that_reports_nothing_has_no_special_instructions(monkeypatch):

    def read_text(path):
        raise FileNotFoundError(path)

    monkeypatch.setattr(precision.pathlib.Path, "read_text", read_text)
    assert precision._processor_flags() == set()
