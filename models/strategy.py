"""tf.distribute strategies by name."""
import functools

import tensorflow as tf

NAMES = ("auto", "one_device", "mirrored")


def make_strategy(name: str) -> tf.distribute.Strategy:
    """Makes a `tf.distribute.Strategy`.

    Args:
        name: `"one_device"`: the first GPU, or the CPU where there is none. `"mirrored"`: one
            replica on each GPU, or on each logical CPU device where there is no GPU. `"auto"`:
            mirrored if there are several GPUs, else one device.

    Returns:
        A `tf.distribute.Strategy`.
    """
    if name not in NAMES:
        raise ValueError(f"distribution must be one of {', '.join(NAMES)}. Received: {name!r}")
    for gpu in tf.config.list_physical_devices("GPU"):
        # Must come before the first use of the GPU; to set it again later does nothing.
        tf.config.experimental.set_memory_growth(gpu, True)
    devices = tf.config.list_logical_devices("GPU")
    several_gpus = len(devices) > 1
    devices = [device.name for device in devices or tf.config.list_logical_devices("CPU")]
    if name == "mirrored" or (name == "auto" and several_gpus):
        return _mirrored(tuple(devices))
    return tf.distribute.OneDeviceStrategy(devices[0])


@functools.cache
def _mirrored(devices):
    """One strategy per process.

    Several number their collective operations alike. Where their models differ in shape, TensorFlow
    then stops with "Shape mismatch in the collective instance".
    """
    return tf.distribute.MirroredStrategy(devices)
