"""The experiments: what a thief can query, makes of the answers, and ends up with."""

import models  # noqa: F401  (starts TensorFlow quietly)
