"""What all tests share: the backend, and with TensorFlow two CPU devices, to try two replicas."""
import gc
import os

import pytest

# Whatever the file of settings in the home directory says.
if os.environ.setdefault("KERAS_BACKEND", "tensorflow") == "tensorflow":
    import models  # noqa: F401  (must come first: starts TensorFlow quietly)

    import tensorflow as tf  # isort: skip

    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2)
else:
    # Programs, experiments and SavedModels are TensorFlow's; the library is not.
    collect_ignore_glob = [
        "attacks/*", "benchmarks/*", "compatibility/*", "models/*", "serving",
        "revsig_keras/saved_model", "revsig_keras/export", "revsig_keras/defended_model",
        "test_*.py"
    ]


@pytest.fixture(scope="module")
def collected():
    """For modules in which `fit` fails: its iterators are gone at the end of the module.

    An error keeps them, in its traceback, until garbage is collected. TensorFlow may miss then that
    an iterator's thread is to end, and wait for it as long as the iterator is old, or a minute.
    """
    yield
    gc.collect()
