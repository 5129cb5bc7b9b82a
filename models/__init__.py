"""Victims and clones: architectures, data sets, splits and the training loop."""
import contextlib
import gc
import os
import sys
import tempfile


@contextlib.contextmanager
def _uncollected():
    """Without the garbage collector, which then leaves alone for good what came to be.

    TensorFlow and Keras make 600,000 objects on import, 4,000 of them garbage; to look through them
    again and again would be two fifths of the time that a program takes to start.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()


@contextlib.contextmanager
def _quiet():
    """Without TensorFlow's wall of start-up messages.

    `TF_CPP_MIN_LOG_LEVEL` silences what TensorFlow logs once it runs, but not what its libraries
    write straight to file descriptor 2 while they are loaded and look for a GPU. So that is held
    back, and shown only if the import fails. Whoever sets `TF_CPP_MIN_LOG_LEVEL` wants to see the
    log, and sees all of it.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        yield
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held_back:
        stderr = os.dup(2)
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        except BaseException:
            held_back.seek(0)
            os.write(stderr, held_back.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _import_tensorflow():
    """Imports TensorFlow fast and quietly, unless it is there already."""
    if "tensorflow" not in sys.modules:
        with _uncollected(), _quiet():
            import tensorflow as tf
            tf.config.list_physical_devices()
            import keras  # noqa: F401


_import_tensorflow()
