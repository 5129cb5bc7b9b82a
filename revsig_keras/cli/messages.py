"""The messages of the libraries, as the programs show them."""
from collections.abc import Iterator
import contextlib
import logging
import sys

_PACKAGES = ("revsig_keras", "models", "attacks", "benchmarks")


@contextlib.contextmanager
def on_stderr() -> Iterator[None]:
    """Shows what our packages log, from INFO on, as plain lines on stderr.

    Libraries log what a user may want to know, and print nothing: a program that imports them
    decides what is shown.
    """
    handler = logging.StreamHandler(sys.stderr)
    loggers = [logging.getLogger(name) for name in _PACKAGES]
    before = [(logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, (level, propagate) in zip(loggers, before):
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate
