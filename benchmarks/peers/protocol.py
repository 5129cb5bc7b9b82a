"""What the peers speak: each request and each answer is a line of JSON.

  (start)     -> {"versions": {...}, ...}, what is known of the peer, or {"error": "..."}
  {...}       -> {...}, or {"error": "..."}; bytes may follow a request

A peer runs in the Python of --peer_python, where nothing of this project is imported.
"""
import json
import os
import sys
from typing import Callable


def serve(start: Callable[[], tuple[dict, Callable]]) -> None:
    """Answers requests until there are no more.

    Args:
        start: Imports what is measured; returns what is known of it, and a function from a request
            and the stream that its bytes come from to an answer.
    """
    # Whatever a library prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def answer(work):
        try:
            entries, result = work()
        except Exception as error:  # Peers import much, any of which may be missing or broken.
            first_line, *_ = f"{type(error).__name__}: {error}".splitlines()
            entries, result = {"error": first_line}, None
        answers.write(json.dumps(entries) + "\n")
        return result

    handle = answer(start)
    for line in sys.stdin.buffer if handle else ():
        answer(lambda: (handle(json.loads(line), sys.stdin.buffer), None))


def python_version() -> str:
    """That of this Python."""
    return sys.version.split()[0]
