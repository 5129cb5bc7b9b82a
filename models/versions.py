"""The versions that a result depends on."""
import platform

import keras
import numpy as np
import tensorflow as tf

import revsig_keras


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages that a result depends on, by name."""
    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "revsig_keras": revsig_keras.__version__,
    }
