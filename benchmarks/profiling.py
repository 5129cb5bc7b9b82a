"""What the time of a repeat went to, and how much memory this process has had."""
import collections
import pathlib
import re
import tempfile
import time
from typing import Callable

import tensorflow as tf


def profile(repeat: Callable[[], float], most: int = 20) -> str:
    """Runs a repeat under the TensorFlow profiler.

    Args:
        repeat: What to run, warmed up; returns the seconds of one of its calls.
        most: How many entries to show.

    Returns:
        Lines of milliseconds per call and the name of an operation, a fused kernel (XLA) or what
        surrounds them, longest first. The times of what runs in parallel, and of what is inside
        of one another, all count.
    """
    from tensorflow.tsl.profiler.protobuf import xplane_pb2  # Not promised to stay.

    with tempfile.TemporaryDirectory() as directory:
        with tf.profiler.experimental.Profile(directory):
            start = time.perf_counter()
            once = repeat()
            calls = round((time.perf_counter() - start) / once)
        path, = pathlib.Path(directory).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(path.read_bytes())
    milliseconds = collections.Counter()
    for plane in space.planes:
        for event in (event for line in plane.lines for event in line.events):
            name = plane.event_metadata[event.metadata_id].name
            milliseconds[name] += event.duration_ps / 1e9 / calls
    return "\n".join(
        f"{duration:10.4f} ms  {name}" for name, duration in milliseconds.most_common(most))


def peak_megabytes() -> float:
    """The most memory since the process began (Linux only).

    `ru_maxrss` would count what its parent had before.
    """
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+) kB", status).group(1)) / 1e3
