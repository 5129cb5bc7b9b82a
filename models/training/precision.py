"""In which precision models are trained: float32, or less of it where that is faster."""
import pathlib

import tensorflow as tf

# Keras dtype policies. Under a mixed one, variables are float32 and layers compute in less.
NAMES = ("float32", "mixed_bfloat16", "mixed_float16")

# What Linux calls the instructions that multiply bfloat16 on x86; without them it is emulated.
_BFLOAT16_INSTRUCTIONS = {"avx512_bf16", "amx_bf16"}


def fastest() -> tuple[str, str]:
    """The name of what is fastest on the device that models are trained on, and why.

    Processors were measured (`benchmarks.attacks`); of GPUs, NVIDIA's guide to mixed precision is
    followed: https://docs.nvidia.com/deeplearning/performance/mixed-precision-training/
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
