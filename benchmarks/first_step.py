"""Runs `attacks.run` until the end of its first training step, and says what it has imported.

  python -m benchmarks.first_step FLAGS

What TensorFlow and Keras import by themselves does not count.
"""
import json
import os
import sys

import keras  # noqa: F401

BEFORE = set(sys.modules)  # `benchmarks` has imported TensorFlow.

from attacks import flags  # noqa: E402
from attacks import run  # noqa: E402
from models.training import trainer  # noqa: E402
from revsig_keras.cli import program  # noqa: E402


def main():
    compile_loop = trainer.compile_loop

    def compile_one_step(*arguments):
        loop = compile_loop(*arguments)

        def step(inputs, targets, weights, drawn):
            loop(inputs[:1], targets[:1], weights, drawn[:1])
            print(json.dumps(sorted(set(sys.modules) - BEFORE)), flush=True)
            os._exit(0)

        return step

    trainer.compile_loop = compile_one_step
    run.main()


if __name__ == "__main__":
    flags.define()
    program.run(main)
