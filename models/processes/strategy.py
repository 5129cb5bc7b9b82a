"""tf.distribute strategies by name."""
import functools

import tensorflow as tf

from models.processes.cluster import read_cluster

# The names that a user can choose; `choose` decides which of the others "auto" is.
NAMES = ("auto", "one_device", "mirrored", "multi_worker", "tpu")

# The rows per step and GPU from which several replicas pay. With fewer rows a GPU mostly starts
# kernels: a step of a small network takes as long for 32 rows as for several hundred, and further
# replicas only add the exchange of gradients. A rule of thumb, not measured on several GPUs.
_ROWS_PER_REPLICA = 256


def choose(rows: int) -> tuple[str, str]:
    """Chooses the strategy for `"auto"`.

    Args:
        rows: The rows of a training step, over all replicas.

    Returns:
        A name that `make_strategy` takes, and the reason for it.

    Raises:
        ValueError: If TF_CONFIG is set and cannot be read.
    """
    cluster, gpus = read_cluster(), len(tf.config.list_physical_devices("GPU"))
    if cluster and cluster.workers > 1:
        return "multi_worker", f"TF_CONFIG names {cluster.workers} workers"
    if gpus < 2:
        return "one_device", "there is one GPU" if gpus else "there is no GPU"
    shared = f"there are {gpus} GPUs, and {rows} rows of a step"
    if rows < gpus * _ROWS_PER_REPLICA:
        return "one_device", f"{shared} are too few to share ({_ROWS_PER_REPLICA} each pay)"
    return "mirrored", f"{shared} are enough to share"


def make_strategy(name: str) -> tf.distribute.Strategy:
    """Makes a `tf.distribute.Strategy`, or returns the process's own if it can have only one.

    Call it before TensorFlow computes anything: it configures GPUs and connects workers.

    Args:
        name: `"one_device"`: the first GPU, or the CPU if there is none. `"mirrored"`: one replica
            on each GPU, or on each logical CPU device if there is no GPU. `"multi_worker"`: as
            `"mirrored"`, in all processes that TF_CONFIG names; waits for them. `"tpu"`: the TPU of
            this machine, untested.

    Raises:
        ValueError: If the name is unknown, or the devices are not available here.
    """
    for gpu in tf.config.list_physical_devices("GPU"):
        # Has to precede the first use of the GPU; setting it again later does nothing.
        tf.config.experimental.set_memory_growth(gpu, True)
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    if name == "one_device":
        return tf.distribute.OneDeviceStrategy(
            f"/{kind}:0")  # A device of this process, even in a cluster.
    if name == "mirrored":
        return _mirrored(tuple(device.name for device in tf.config.list_logical_devices(kind)))
    if name == "multi_worker":
        return _multi_worker()
    if name == "tpu":
        return _tpu()
    raise ValueError(f"`distribution` must be one of {', '.join(NAMES[1:])}. Received: {name!r}")


# One strategy per process, because several would number their collective operations alike. If their
# models differ in shape, TensorFlow then stops with "Shape mismatch in the collective instance".
@functools.cache
def _mirrored(devices):
    return tf.distribute.MirroredStrategy(devices)


@functools.cache
def _multi_worker():
    if read_cluster() is None:
        raise ValueError(
            "`distribution` multi_worker needs the environment variable TF_CONFIG, which names "
            "the workers. Received: no TF_CONFIG with a cluster")
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except (tf.errors.OpError, RuntimeError) as error:
        raise ValueError(f"The workers of TF_CONFIG cannot be joined: {error}") from error


@functools.cache
def _tpu():
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu="local")
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (tf.errors.OpError, RuntimeError) as error:
        raise ValueError("`distribution` tpu needs a TPU of this machine. Received: "
                         f"{str(error).splitlines()[0]}") from error
    return tf.distribute.TPUStrategy(resolver)
