"""The experiments: what a thief can query, makes of the answers, and ends up with."""
import revsig_keras  # noqa: F401  (first, so that programs start quietly: revsig_keras.cli.startup)
