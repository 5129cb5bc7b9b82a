"""What it costs: ratios, measured side by side. README.md says how; run from a checkout's root."""
import revsig_keras  # noqa: F401  (first, so that programs start quietly: revsig_keras.cli.startup)
