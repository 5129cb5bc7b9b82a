"""The processes that train together, as the environment variable TF_CONFIG lists them."""
import dataclasses
import json
import os

_JOBS = ("chief", "worker")
_FORM = ('{"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": "worker", "index": 0}}')


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The size of a cluster and the role of this process in it.

    Attributes:
        workers: The number of processes that train together.
        is_chief: Whether this process is the one that writes: the task of type `"chief"`, or the
            first worker if there is none.
    """
    workers: int
    is_chief: bool


def read_cluster() -> Cluster | None:
    """Reads TF_CONFIG.

    Returns:
        A `Cluster`, or `None` if TF_CONFIG is not set or names no cluster.

    Raises:
        ValueError: If it is not of the form that TensorFlow expects, or names tasks that do not
            train.
    """
    text = os.environ.get("TF_CONFIG", "")
    if not text.strip():
        return None
    try:
        config = json.loads(text)
        if not config.get("cluster"):
            return None
        jobs = {job: len(addresses) for job, addresses in config["cluster"].items()}
        addresses = [each for job in config["cluster"].values() for each in job]
        kind, index = config["task"]["type"], int(config["task"]["index"])
        is_one = 0 <= index < jobs[kind]
        form = all(str(address).rpartition(":")[2].isdecimal() for address in addresses)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"TF_CONFIG must be of the form {_FORM}. Received: {text}") from error
    if not (is_one and form and jobs.keys() <= set(_JOBS) and jobs.get("chief", 0) <= 1):
        raise ValueError(f"TF_CONFIG must be of the form {_FORM}, with workers and at most one "
                         f"chief, this process among them. Received: {text}")
    return Cluster(sum(jobs.values()),
                   (kind, index) == ("chief" if "chief" in jobs else "worker", 0))
