"""The precision of training: float32, or a lower one where that is faster."""
import pathlib

import tensorflow as tf

# Keras dtype policies. Under a mixed one, variables are float32 and layers compute in the other.
NAMES = ("float32", "mixed_bfloat16", "mixed_float16")

# The names in Linux of the x86 instructions for bfloat16, which is emulated without them.
_BFLOAT16_INSTRUCTIONS = {"avx512_bf16", "amx_bf16"}


def fastest() -> tuple[str, str]:
    """Returns the policy that is fastest on the device that trains, and the reason.

    For processors it was measured (`benchmarks.attacks`). For GPUs it follows NVIDIA's guide to
    mixed precision: https://docs.nvidia.com/deeplearning/performance/mixed-precision-training/
    """
    for gpu in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(gpu)
        capability = details.get("compute_capability", (0, 0))
        name = f"{details.get('device_name', gpu.name)}, of compute capability {capability[0]}.x,"
        if capability >= (8, 0):
            return "mixed_bfloat16", f"{name} has tensor cores for bfloat16"
        if capability >= (7, 0):
            return "mixed_float16", f"{name} has tensor cores for float16"
        return "float32", f"{name} has no tensor cores"
    if _BFLOAT16_INSTRUCTIONS & _processor_flags():
        return "mixed_bfloat16", "the processor multiplies bfloat16 in hardware"
    return "float32", "the processor does not multiply bfloat16 in hardware"


def _processor_flags():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    return {flag for line in lines if line.startswith("flags") for flag in line.split()}
