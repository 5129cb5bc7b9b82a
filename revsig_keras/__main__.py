"""The command `revsig-keras`, and `python -m revsig_keras`: runs one of the programs by its name.

  revsig-keras export|inspect|tune ...

is `python -m revsig_keras.export ...` and so on. Each tells its flags with --help.
"""
import runpy
import sys
from typing import NoReturn

PROGRAMS = {
    "export": "writes a defended model for TensorFlow Serving",
    "inspect": "tells of each output of a SavedModel whether it leaks",
    "tune": "chooses the strength of a defence",
}


def main() -> NoReturn:
    """Runs the program that the first argument names; exits with its status."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name in ("-h", "--help"):
        print(_usage())
        sys.exit(0)
    if name not in PROGRAMS:
        sys.exit(f"error: the first argument must be a program. Received: {name or 'none'}\n\n"
                 f"{_usage()}")
    del sys.argv[1]
    runpy.run_module(f"revsig_keras.{name}", run_name="__main__", alter_sys=True)
    sys.exit(0)


def _usage() -> str:
    return "\n".join([
        "usage: revsig-keras PROGRAM [--help] ...", "",
        *(f"  {name:9}{purpose}" for name, purpose in PROGRAMS.items())
    ])


if __name__ == "__main__":
    main()
