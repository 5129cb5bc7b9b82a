"""Victims and clones: architectures, data sets, splits and the training loop."""
import os
import sys
import tempfile


def _import_tensorflow_quietly():
    """Imports TensorFlow without its wall of start-up messages.

    `TF_CPP_MIN_LOG_LEVEL` silences what TensorFlow logs once it runs, but not what its libraries
    write straight to file descriptor 2 while they are loaded and look for a GPU. So that is held
    back, and shown only if the import fails. Whoever sets `TF_CPP_MIN_LOG_LEVEL` wants to see the
    log, and sees all of it.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ or "tensorflow" in sys.modules:
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held_back:
        stderr = os.dup(2)
        os.dup2(held_back.fileno(), 2)
        try:
            import tensorflow as tf
            tf.config.list_physical_devices()
        except BaseException:
            held_back.seek(0)
            os.write(stderr, held_back.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


_import_tensorflow_quietly()
