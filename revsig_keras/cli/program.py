"""The frame of the command-line programs."""
import logging as standard_logging
import sys
from typing import Callable, Sequence

from absl import app
from absl import logging

from revsig_keras.cli import messages


def run(main: Callable, *arguments: str) -> None:
    """Runs a function as an absl program; see `guarded` for what bad input gets.

    Args:
        main: the function, called with the positional arguments of the command line.
        *arguments: the names of those arguments, for an error message; one in brackets may be left
            out.
    """

    def quietly(argv):
        # absl programs show the INFO log of the libraries by default.
        if logging.get_verbosity() == logging.INFO:
            logging.set_verbosity(logging.WARNING)
            # TensorFlow warns of what is deprecated in it: nothing that a user could act on.
            standard_logging.getLogger("tensorflow").setLevel(standard_logging.ERROR)
        guarded(main, arguments, argv[1:])

    try:
        app.run(quietly)
    except UnicodeDecodeError as error:  # From absl, which reads flagfiles before all else.
        sys.exit(f"error: a flagfile must be text. Received: {error}")


def guarded(main: Callable, expected: Sequence[str] = (), received: Sequence[str] = ()) -> None:
    """Calls `main(*received)`: bad input is an error of a line or two and exit status 1.

    With `--verbosity=1` there is a traceback as well.
    """
    try:
        needed = [name for name in expected if not name.startswith("[")]
        if not len(needed) <= len(received) <= len(expected):
            raise ValueError(f"besides flags, {len(expected)} arguments are expected "
                             f"({' '.join(expected) or 'none'}). Received: "
                             f"{' '.join(received) or 'none'}")
        with messages.on_stderr():
            main(*received)
    except (ValueError, OSError) as error:
        if logging.get_verbosity() >= logging.DEBUG:
            raise
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
