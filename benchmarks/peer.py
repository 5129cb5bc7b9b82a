"""A peer in a Python of its own, which measures itself when asked."""
import json
import pathlib
import subprocess
from typing import Any

import numpy as np

_DIRECTORY = pathlib.Path(__file__).parent / "peers"


class Peer:
    """A child process that runs one of `peers/` with another Python; a context manager.

    A peer may need other versions of what this process imports, so it is never imported here. The
    process stays, so that its repeats can alternate with ours, and is idle in between.

    Args:
        python: The Python, which has the peer installed.
        script: File name of one of `peers/`, which says what it can be asked.

    Raises:
        ValueError: If `python` is none, or has no such peer.
    """

    def __init__(self, python: str, script: str):
        try:
            # -E: what is set for this Python is not meant for that one.
            self._process = subprocess.Popen([python, "-E", str(_DIRECTORY / script)],
                                             stdin=subprocess.PIPE,
                                             stdout=subprocess.PIPE,
                                             stderr=subprocess.DEVNULL)
        except OSError as error:
            raise ValueError(f"{_EXPECTED}. Received: {python}: {error.strerror}") from error
        try:
            self.about = self._answer()
        except ValueError as error:
            self._process.kill()
            self.__exit__()
            raise ValueError(f"{_EXPECTED}. Received: {python}: {error}") from error

    def __enter__(self):
        return self

    def __exit__(self, *unused_error):
        # Without requests it ends.
        self._process.communicate()

    def put(self, array: np.ndarray) -> None:
        """Sends the array that the peer works on."""
        array = np.ascontiguousarray(array, np.float32)
        self.ask({"shape": array.shape}, array.tobytes())

    def seconds(self, calls: int) -> float:
        """Has the peer work so many times; returns the seconds that one of them took there."""
        return self.ask({"calls": calls})["seconds"]

    def ask(self, request: dict[str, Any], data: bytes = b"") -> dict[str, Any]:
        """Sends a request, as the script describes them, and waits for its answer."""
        self._process.stdin.write(json.dumps(request).encode() + b"\n" + data)
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        try:
            answer = json.loads(line)
        except ValueError:
            raise ValueError("the peer gave no answer that can be read") from None
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer


_EXPECTED = ("--peer_python must be a Python that can import the peer (adversarial-robustness-"
             "toolbox)")
