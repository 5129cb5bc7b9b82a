"""Runs several programs in one process that imports TensorFlow once and then forks.

    echo '[["attacks.run", "--help"]]' | python -m tests.compatibility.programs
"""
import json
import os
import pathlib
import runpy
import subprocess
import sys
import tempfile
import traceback

ROOT = pathlib.Path(__file__).parents[2]


def environment():
    """The environment without the settings of TensorFlow that the test process has made."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    return {**own, "TF_CPP_MIN_LOG_LEVEL": "2"}


def start(*command):
    """Starts one module as a process of its own, in the root of the checkout."""
    return subprocess.Popen([sys.executable, "-m", *map(str, command)],
                            cwd=ROOT,
                            env=environment(),
                            text=True,
                            stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def run_all(commands):
    """Runs modules one after the other; returns their exit statuses, outputs and messages."""
    result = subprocess.run([sys.executable, "-m", "tests.compatibility.programs"],
                            input=json.dumps([list(map(str, command)) for command in commands]),
                            cwd=ROOT,
                            env=environment(),
                            text=True,
                            check=True,
                            stdout=subprocess.PIPE)
    return json.loads(result.stdout)


def main():
    commands = json.load(sys.stdin)
    import keras  # noqa: F401
    import tensorflow  # noqa: F401
    print(json.dumps([_forked(command) for command in commands]))


def _forked(command):
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            os._exit(_status(command))
        _, status = os.waitpid(child, 0)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read())
    return [os.waitstatus_to_exitcode(status), *texts]


def _status(command):
    """Runs a module as `python -m` does, and returns its exit status."""
    sys.argv = list(command)
    status = 0
    try:
        runpy.run_module(command[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        status = end.code or 0
        if isinstance(status, str):
            print(status, file=sys.stderr)
            status = 1
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status


if __name__ == "__main__":
    main()
