"""Times ART's `ReverseSigmoid`, asked through a pipe; started by benchmarks/peer.py.

Runs in the Python of --peer_python and imports nothing of this project. Each request and each
answer is a line of JSON:

  (start)                                  -> {"versions": {...}} or {"error": "..."}
  {"shape": [2, 3]} and the float32 bytes  -> {"rows": 2}
  {"calls": 5}                             -> {"seconds": of one call}
"""
import json
import os
import sys
import time

ARGUMENTS = {"beta": 1.0, "gamma": 0.2}


def main():
    # Whatever a library prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def answer(**entries):
        answers.write(json.dumps(entries) + "\n")

    try:
        import art
        from art.defences.postprocessor import ReverseSigmoid
        import numpy as np
        versions = {
            "python": sys.version.split()[0],
            "adversarial-robustness-toolbox": art.__version__,
            "numpy": np.__version__
        }
    except Exception as error:  # ART imports much, any of which may be missing or broken.
        answer(error=f"{type(error).__name__}: {error}".splitlines()[0])
        return
    answer(versions=versions, arguments=ARGUMENTS)

    postprocessor, y = ReverseSigmoid(**ARGUMENTS), None
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if "shape" in request:
            rows, classes = request["shape"]
            y = np.frombuffer(sys.stdin.buffer.read(4 * rows * classes), np.float32)
            y = y.reshape(rows, classes)
            answer(rows=rows)
        else:
            start = time.perf_counter()
            for _ in range(request["calls"]):
                postprocessor(y)
            answer(seconds=(time.perf_counter() - start) / request["calls"])


if __name__ == "__main__":
    main()
