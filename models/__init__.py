"""Victims and clones: architectures, data sets, splits and the training loop."""
import revsig_keras  # noqa: F401  (first, so that programs start quietly: revsig_keras.cli.startup)
from revsig_keras.cli.startup import require_suite

require_suite()
