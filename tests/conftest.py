"""What all tests share: the backend, and with TensorFlow two CPU devices, to try two replicas."""
import gc
import os
import signal

import pytest

# A shell starts background commands deaf to SIGINT, and the programs of tests would be deaf too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Whatever the file of settings in the home directory says.
if os.environ.setdefault("KERAS_BACKEND", "tensorflow") == "tensorflow":
    # As our programs start; see revsig_keras/cli/startup.py.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    gc.disable()
    import tensorflow as tf

    import revsig_keras  # noqa: F401
    gc.freeze()
    gc.enable()
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2)
else:
    # Programs, experiments and SavedModels are TensorFlow's; the library is not.
    collect_ignore_glob = [
        "attacks/*", "benchmarks/*", "compatibility/*", "models/*", "serving",
        "revsig_keras/saved_model", "revsig_keras/export", "revsig_keras/defended_model",
        "revsig_keras/files", "revsig_keras/cli", "revsig_keras/test_tune.py",
        "revsig_keras/test_documentation.py", "test_*.py"
    ]


@pytest.fixture(scope="module")
def collected():
    """For modules in which `fit` fails: its iterators are gone at the end of the module.

    An error keeps them, in its traceback, until garbage is collected. TensorFlow may miss then that
    an iterator's thread is to end, and wait for it as long as the iterator is old, or a minute.
    """
    yield
    gc.collect()
