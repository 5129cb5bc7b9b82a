"""What our programs import, so that a process that has imported this can fork into any of them."""
import gc
import os

# A program is quiet when it starts; this process does not start as one.
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
gc.disable()
import attacks.experiment  # noqa: E402,F401  pylint: disable=unused-import
import models.victim  # noqa: E402,F401

gc.freeze()
gc.enable()
