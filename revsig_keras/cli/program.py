"""The frame of the command-line programs."""
from collections.abc import Iterator
import contextlib
import logging as standard_logging
import re
import sys
from typing import Callable, Mapping, Sequence

from absl import app
from absl import flags
from absl import logging

from revsig_keras.cli.startup import PACKAGES
from revsig_keras.errors import SavedModelError
from revsig_keras.extras import MissingPackageError
from revsig_keras.files.custom_objects import register_custom_objects


def run(main: Callable[..., None],
        *arguments: str,
        renamed: Mapping[str, str] | None = None) -> None:
    """Runs a function as an absl program; see `guarded` for how it reports errors.

    Args:
        main: The function, called with the positional arguments of the command line.
        *arguments: The names of those arguments, for an error message; an argument in brackets may
            be left out, and `[NAME...]` may be repeated.
        renamed: The flags that are not called like the argument they set, by the argument.
    """

    def quietly(argv: Sequence[str]) -> None:
        # absl programs show the INFO log of the libraries by default.
        if logging.get_verbosity() == logging.INFO:
            logging.set_verbosity(logging.WARNING)
            # TensorFlow warns of its own deprecations, which the user cannot act on.
            standard_logging.getLogger("tensorflow").setLevel(standard_logging.ERROR)
        own = {flag.name: flag.name for flag in flags.FLAGS.get_key_flags_for_module(sys.argv[0])}
        guarded(main, arguments, argv[1:], {**own, **(renamed or {})})

    flags.DEFINE_string(
        "custom_objects", None, "A Python file, NAME.py, that is run first. The "
        "classes and functions that it defines, such as layers and defences, are "
        "known to Keras then.")
    flags.FLAGS.register_key_flag_for_module(sys.argv[0], flags.FLAGS["custom_objects"])
    try:
        app.run(quietly)
    except UnicodeDecodeError as error:  # From absl, which reads flagfiles before all else.
        sys.exit(f"error: a flagfile must be text. Received: {error}")


def guarded(main: Callable[..., None],
            expected: Sequence[str] = (),
            received: Sequence[str] = (),
            flag_of: Mapping[str, str] | None = None) -> None:
    """Calls `main(*received)`: for bad input it prints a line or two and exits with status 1.

    With `--verbosity=1` it prints a traceback as well.

    Args:
        main: The function.
        expected: The names of its arguments; see `run`.
        received: Its arguments.
        flag_of: The flag that sets an argument of the library, by the name of the argument.
    """
    try:
        needed = [name for name in expected if not name.startswith("[")]
        is_open = any(name.endswith("...]") for name in expected)
        if len(received) < len(needed) or len(received) > len(expected) and not is_open:
            raise ValueError(f"besides flags, {len(expected)} arguments are expected "
                             f"({' '.join(expected) or 'none'}). Received: "
                             f"{' '.join(received) or 'none'}")
        with _messages_on_stderr():
            if "custom_objects" in flags.FLAGS and flags.FLAGS.custom_objects is not None:
                register_custom_objects(flags.FLAGS.custom_objects)
            main(*received)
    except (ValueError, OSError, SavedModelError, MissingPackageError) as error:
        if logging.get_verbosity() >= logging.DEBUG:
            raise
        sys.exit(f"error: {name_flags(str(error), flag_of or {})}")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)


@contextlib.contextmanager
def _messages_on_stderr() -> Iterator[None]:
    """Shows what our packages log, from INFO on, as plain lines on stderr.

    Libraries log what a user may want to know, and print nothing: a program that imports them
    decides what is shown.
    """
    handler = standard_logging.StreamHandler(sys.stderr)
    loggers = [standard_logging.getLogger(name) for name in PACKAGES]
    before = [(logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(standard_logging.INFO)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, (level, propagate) in zip(loggers, before):
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate


def name_flags(message: str, flag_of: Mapping[str, str]) -> str:
    """Names flags instead of arguments in an error message of the library.

    >>> name_flags("`model` must be a folder, or leave out `beta=1`", {"model": "model"})
    '--model must be a folder, or leave out `beta=1`'

    "Invalid attack 'x:steps=0': `steps` must ..." is about an option of a member, not about a flag.
    """
    if message.startswith("Invalid "):
        return message

    def named(match: re.Match[str]) -> str:
        argument, value = match.groups(default="")
        return f"--{flag_of[argument]}{value}" if argument in flag_of else match[0]

    return re.sub(r"`(\w+)(=[^`]*)?`", named, message)
