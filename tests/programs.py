"""Programs in processes of their own, which start at once.

One process imports TensorFlow and our packages, and forks for each program. How a program starts
by itself is for tests that use `subprocess`, such as those of `revsig_keras.cli.startup`.
"""
import multiprocessing
import os
import pathlib
import runpy
import signal
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = pathlib.Path(__file__).parents[1]
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.preloaded"])


class Program:
    """A module or a script that runs, as `python -m MODULE` or `python FILE.py` would run it.

    The names are those of `subprocess.Popen`.

    Args:
        arguments: The name of the module, or the path of the script, and the arguments.
        cwd: The directory in which it runs. Defaults to the root of the checkout.
        variables: Environment variables that are added to those of this process.
    """

    def __init__(self, *arguments, cwd=ROOT, variables=None):
        self._folder = tempfile.TemporaryDirectory()
        self._paths = [os.path.join(self._folder.name, name) for name in ("out", "err")]
        self._process = _FORKS.Process(target=_run,
                                       args=(list(map(str, arguments)), cwd, {
                                           **_variables(),
                                           **(variables or {})
                                       }, self._paths),
                                       daemon=True)
        self._process.start()

    @property
    def pid(self):
        return self._process.pid

    @property
    def returncode(self):
        return self._process.exitcode

    def poll(self):
        return self.returncode

    def send_signal(self, number):
        os.kill(self.pid, number)

    def kill(self):
        self._process.kill()

    def first_line(self, timeout):
        """Waits for the first line of the output, and returns it."""
        out, deadline = pathlib.Path(self._paths[0]), time.monotonic() + timeout
        while time.monotonic() < deadline and self.poll() is None:
            if out.exists() and "\n" in (text := out.read_text()):
                return text.partition("\n")[0]
            time.sleep(0.01)
        raise TimeoutError(f"no line after {timeout} seconds")

    def communicate(self, timeout):
        """Waits for the end; returns the output and the messages."""
        self._process.join(timeout)
        if self.returncode is None:
            self.kill()
            raise TimeoutError(f"it still runs after {timeout} seconds")
        with self._folder:
            return tuple(pathlib.Path(path).read_text() for path in self._paths)


def run(*arguments, cwd=ROOT, timeout=120):
    """Runs a module or a script to its end; returns what `subprocess.run` does."""
    program = Program(*arguments, cwd=cwd)
    out, err = program.communicate(timeout)
    return subprocess.CompletedProcess(arguments, program.returncode, out, err)


def start(*arguments):
    """Starts a module by itself, as a user does, TensorFlow's import included."""
    return subprocess.Popen([sys.executable, "-m", *map(str, arguments)],
                            cwd=ROOT,
                            env=_variables(),
                            text=True,
                            stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def _variables():
    """The environment without the settings that the tests made for TensorFlow."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TF_")}


def _run(arguments, cwd, variables, paths):
    """The program, in the process that was forked for it."""
    for number, path in enumerate(paths, start=1):
        with open(path, "wb") as file:
            os.dup2(file.fileno(), number)
    os.environ.clear()
    os.environ.update({"TF_CPP_MIN_LOG_LEVEL": "3", **variables})
    os.chdir(cwd)
    # A shell starts background commands deaf to SIGINT, and their children would be deaf too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = arguments
    status = _status(arguments[0])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _status(name):
    """Runs a module or a script; returns the exit status that Python would end with."""
    try:
        if name.endswith(".py"):
            sys.path.insert(0, os.path.dirname(name))
            runpy.run_path(name, run_name="__main__")
        else:
            runpy.run_module(name, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return end.code or 0
    except BaseException:  # pylint: disable=broad-except
        traceback.print_exc()
        return 1
    return 0
