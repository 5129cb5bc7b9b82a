"""What it costs: ratios, measured side by side. README.md says how; run from a checkout's root."""

import models  # noqa: F401  (starts TensorFlow quietly)
