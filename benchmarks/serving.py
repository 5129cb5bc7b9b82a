"""Measures what the defence costs in a SavedModel: latency, size on disk, and time to export it.

  python -m benchmarks.serving [--quick] [--json=FILE] [--only=REGEX] [--profile]

Each row compares a defended SavedModel with the same model undefended, in one run;
benchmarks/README.md says what each row means. A row above its limit is marked, and is no error.
"""
import functools
import pathlib
import shutil
import tempfile

from absl import flags
import keras
import numpy as np

from benchmarks import comparison
import benchmarks.flags
from benchmarks.layer import with_one_operation
from models import architectures
from revsig_keras import ConfidenceBuckets
from revsig_keras import Decoy
from revsig_keras import DefendedModel
from revsig_keras import ReverseSigmoid
from revsig_keras.cli import program
from revsig_keras.export.foreign import defend_saved_model
from revsig_keras.saved_model import files
from revsig_keras.saved_model.signatures import LoadedModel

# How the defended SavedModel is made: of the Keras model with a defence, or of its SavedModel.
DEFENCES = {
    "keras": ReverseSigmoid,
    "confidence_buckets": ConfidenceBuckets,
    "decoy": Decoy,
    "savedmodel": ReverseSigmoid,
}
ROUTES = tuple(DEFENCES)
# The batches, each with the largest ratio that is good enough.
BATCHES = {1: 1.08, 32: 1.02, 256: None}
SHAPE = (28, 28, 1)
SIGNATURE = "serving_default"
# How many times both SavedModels are loaded for a row of latencies.
LOADS = 12
# Those of `ReverseSigmoid` in a graph, of 10 classes (tests/revsig_keras/defences).
OPERATIONS = 60


def main(values=flags.FLAGS):
    config = benchmarks.flags.make_config(values)
    with tempfile.TemporaryDirectory() as folder:
        comparison.run(all_cases(config.quick, Models(pathlib.Path(folder))), config)


class Models:
    """The model, `mnist_cnn` of `models/architectures`, and its SavedModels in a folder."""

    def __init__(self, folder: pathlib.Path):
        self._folder = folder
        self._model = architectures.with_softmax(architectures.build("mnist_cnn", SHAPE, 10,
                                                                     seed=1))

    def clean(self) -> pathlib.Path:
        """Writes the SavedModel without a defence."""
        return self._write("clean", lambda path: self._model.export(path, verbose=False))

    def defended(self, route: str) -> pathlib.Path:
        """Writes the defended one."""
        defence = DEFENCES[route]()
        if route == "savedmodel":
            source = self._folder / "clean"
            export = functools.partial(defend_saved_model, source, defences={None: defence})
        else:
            export = functools.partial(DefendedModel(self._model, defence).export, verbose=False)
        return self._write(route, export)

    def with_one_operation(self) -> pathlib.Path:
        """Writes the one with a multiplication at its end, the least that a defence could add."""
        model = with_one_operation(self._model)
        return self._write("floor", lambda path: model.export(path, verbose=False))

    def with_operations(self) -> pathlib.Path:
        """Writes the one with as many operations of one number a row as `ReverseSigmoid` has."""
        scores = self._model.outputs[0]
        number = scores[:, :1]
        for i in range(OPERATIONS - 2):
            number = keras.ops.maximum(number, i * 1e-6)  # No two of these are made one.
        model = keras.Model(self._model.inputs, scores + number)
        return self._write("operations", lambda path: model.export(path, verbose=False))

    def _write(self, name, export):
        shutil.rmtree(self._folder / name, ignore_errors=True)
        export(self._folder / name)
        return self._folder / name


def all_cases(quick: bool, models: Models) -> list[comparison.Case | comparison.Fact]:
    """All that is measured, in order."""
    seconds = 5.0 if quick else 40.0
    cases = []
    batches = {32: BATCHES[32]} if quick else BATCHES

    clean = functools.cache(models.clean)

    def latencies(name, write, has_limit):
        write = functools.cache(write)  # Each build loads them anew, and need not write them.
        return [
            comparison.Case(f"latency/{name}/batch={batch}",
                            limit if has_limit else None,
                            functools.partial(_latencies, clean, write, batch),
                            seconds,
                            builds=2 if quick else LOADS) for batch, limit in batches.items()
        ]

    for route in ROUTES:
        cases.append(
            comparison.Fact(f"size/{route}", 1.01, "MB", functools.partial(_sizes, models, route)))
        cases += latencies(route, functools.partial(models.defended, route), has_limit=True)
        cases.append(
            comparison.Case(f"export/{route}", None, functools.partial(_exports, models, route),
                            seconds))
    cases += latencies("operations", models.with_operations, has_limit=False)
    return cases + latencies("floor", models.with_one_operation, has_limit=False)


def _sizes(models, route):
    folders = models.clean(), models.defended(route)
    clean, defended = (sum(path.stat().st_size
                           for path in folder.rglob("*")
                           if path.is_file())
                       for folder in folders)
    return defended / 1e6, clean / 1e6


def _latencies(write_clean, write, batch):
    """Calls of the signature by the V1 loader, as TensorFlow Serving does."""
    images = np.random.default_rng(batch).random((batch, *SHAPE), np.float32)

    def calls(path):
        meta_graph, = files.read(path).meta_graphs
        call = LoadedModel(path, meta_graph).callable(SIGNATURE)
        return comparison.repeat(lambda: call(images))

    clean = calls(write_clean())
    return calls(write()), clean


def _exports(models, route):
    models.clean()
    return (comparison.repeat(lambda: models.defended(route)), comparison.repeat(models.clean))


if __name__ == "__main__":
    benchmarks.flags.define_flags()
    flags.adopt_module_key_flags(benchmarks.flags)
    program.run(main)
