"""Times ART's `ReverseSigmoid`; started by benchmarks/peer.py, see protocol.py.

  {"shape": [2, 3]} and the float32 bytes  -> {"rows": 2}
  {"calls": 5}                             -> {"seconds": of one call}
"""
import time

ARGUMENTS = {"beta": 1.0, "gamma": 0.2}


def start():
    import art
    from art.defences.postprocessor import ReverseSigmoid
    import numpy as np
    from protocol import python_version

    postprocessor, arrays = ReverseSigmoid(**ARGUMENTS), []

    def handle(request, stream):
        if "shape" in request:
            rows, classes = request["shape"]
            y = np.frombuffer(stream.read(4 * rows * classes), np.float32)
            arrays[:] = [y.reshape(rows, classes)]
            return {"rows": rows}
        y, = arrays
        begun = time.perf_counter()
        for _ in range(request["calls"]):
            postprocessor(y)
        return {"seconds": (time.perf_counter() - begun) / request["calls"]}

    versions = {
        "python": python_version(),
        "adversarial-robustness-toolbox": art.__version__,
        "numpy": np.__version__
    }
    return {"versions": versions, "arguments": ARGUMENTS}, handle


if __name__ == "__main__":
    from protocol import serve
    serve(start)
