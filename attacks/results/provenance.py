"""What a result was made with: configuration, data, victim, versions, source commit, hardware."""

import hashlib
import os
import pathlib
import platform
import subprocess
from typing import Any

import tensorflow as tf

from attacks.grid.config import RunConfig
from models.data.dataset import Dataset
from models.data.splits import Rows
from models.data.splits import Splits
from models.versions import versions


def provenance(config: RunConfig, dataset: Dataset, splits: Splits, victim: dict[str, Any],
               strategy: tf.distribute.Strategy, clones_at_once: int) -> dict[str, Any]:
    """Returns the part of a result's record that is the same for all cells of a victim.

    Args:
        config: The run with this victim alone; see `RunConfig.of_victim`.
        dataset, splits: The data.
        victim: What results keep of the victim.
        strategy: Where clones are trained.
        clones_at_once: How many of them at once.
    """
    return {
        "config": config.describe(),
        "dataset": {
            "name": dataset.name,
            "fingerprint": dataset.fingerprint(),
            "split_seed": splits.split_seed,
            "num_classes": dataset.num_classes,
            "input_shape": list(dataset.input_shape),
            "rows": {
                name: len(part) for name, part in vars(splits).items() if isinstance(part, Rows)
            },
        },
        "victim": victim,
        "versions": versions(),
        "commit": commit(),
        "hardware": {
            **hardware(),
            "replicas": strategy.num_replicas_in_sync,
            "clones_at_once": clones_at_once,
        },
    }


def hardware() -> dict[str, Any]:
    """Returns the processor, its cores, the GPUs, and whether oneDNN was switched on or off.

    oneDNN and TensorFlow's own kernels round differently, which moves the figures of single clones.
    `onednn` is None if the choice was TensorFlow's.
    """
    details = tf.config.experimental.get_device_details
    gpus = tf.config.list_physical_devices("GPU")
    gpu_names = [details(gpu).get("device_name", gpu.name) for gpu in gpus]
    return {
        "cpu": _cpu(),
        "cpu_cores": os.cpu_count(),
        "gpus": gpu_names,
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS"),
    }


def commit() -> str | None:
    """Returns the commit; None outside a checkout.

    Sources that differ from it add `+changes-` and a digest of those files, so that two states of
    the sources never have one name.
    """
    root = pathlib.Path(__file__).parents[2]

    def git(*arguments):
        # Without the lock that would stop a commit that the user makes meanwhile.
        return subprocess.run(["git", "--no-optional-locks", "-C",
                               str(root), *arguments],
                              capture_output=True,
                              check=True,
                              text=True).stdout

    try:
        revision = git("rev-parse", "HEAD").strip()
        changed = git("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--",
                      "*.py", "setup.cfg")
    except (OSError, subprocess.CalledProcessError):
        return None
    if not changed:
        return revision
    digest = hashlib.sha256(changed.encode())
    for entry in changed.rstrip("\0").split("\0"):
        path = root / entry[3:]
        digest.update(path.read_bytes() if path.is_file() else b"")
    return f"{revision}+changes-{digest.hexdigest()[:8]}"


def _cpu() -> str:
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")),
                platform.machine())
