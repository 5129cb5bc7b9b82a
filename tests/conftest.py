"""What all tests share: a quiet TensorFlow with two CPU devices, to try two replicas anywhere."""
import models  # noqa: F401  (must come first: starts TensorFlow quietly)

import tensorflow as tf  # isort: skip

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2)
