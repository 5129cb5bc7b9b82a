"""Runs `attacks.run` as it is, and says last what that took.

  python -m benchmarks.whole_run FLAGS
"""
import json
import time

from attacks import flags
from attacks import run
from benchmarks.profiling import peak_megabytes
from revsig_keras.cli import program


def main():
    start = time.perf_counter()
    try:
        run.main()
    finally:
        print(json.dumps({"seconds": time.perf_counter() - start, "megabytes": peak_megabytes()}))


if __name__ == "__main__":
    flags.define()
    program.run(main)
