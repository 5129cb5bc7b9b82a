"""A zoo of small SavedModels that somebody else wrote, and of broken ones."""
from collections.abc import Callable, Mapping
import dataclasses
import os
import pathlib
import shutil

import numpy as np
import tensorflow as tf

from tests.serving import files
from tests.serving import linear
from tests.serving import saved_models_v1 as v1
from tests.serving import saved_models_v2 as v2

Inputs = Mapping[str, np.ndarray]
DEFAULT = "serving_default"


def as_features(values):
    return {"features": values}


def with_temperature(values):
    return {"features": values, "temperature": np.float32(v2.TEMPERATURE)}


def as_rows(values):
    return {"rows": values}


def in_two(values):
    return {"words-in": values[:, :4], "length-in-cm": values[:, 4:]}


def as_words(values):
    words = np.array([word.encode() for word in linear.WORDS], dtype=object)
    return {"words": words[np.searchsorted(linear.VALUES, values)]}


def as_examples(name):
    """Serialized, one a row."""

    def serialized(row):
        feature = tf.train.Feature(float_list=tf.train.FloatList(value=row))
        features = tf.train.Features(feature={"features": feature})
        return tf.train.Example(features=features).SerializeToString()

    return lambda values: {name: np.array([serialized(row) for row in values], dtype=object)}


KERAS = (DEFAULT, "serve")
CLASSIFY = {DEFAULT: as_examples("inputs"), "predict": as_features}


@dataclasses.dataclass(frozen=True)
class Source:
    """A SavedModel, and what is known of it; all of them hold the model of `linear.py`.

    Attributes:
        build: Writes it into a folder that is not there yet.
        scores: The output of each signature that holds the probabilities; none where none does.
        encode: Makes the inputs of each signature of the values of the features.
        other: What the other outputs are: `"label"` (it tells no more than the label), `"text"`
            (the number of the label in digits), `"clean"` (it gives the clean scores, or some of
            them, away) or `"constant"`.
        classes: How many probabilities a row has; 1 for one sigmoid unit.
        head: `"softmax"`, or `"sigmoid"` for units that are a decision each.
        dtype: That of the scores.
        temperature: By which the logits are divided.
        tags: Those of each of its graphs.
        attributes: The functions, dotted, that whoever loads it in Python can call.
        aliases: Names under which functions can be called that no signature exports.
    """
    build: Callable[[str], None]
    scores: Mapping[str, str] = dataclasses.field(default_factory=lambda: {DEFAULT: "scores"})
    encode: Mapping[str, Callable[[np.ndarray], Inputs]] = dataclasses.field(
        default_factory=lambda: {DEFAULT: as_features})
    other: Mapping[tuple[str, str], str] = dataclasses.field(default_factory=dict)
    classes: int = 4
    head: str = "softmax"
    dtype: str = "float32"
    temperature: float = 1.0
    tags: tuple[tuple[str, ...], ...] = (("serve",),)
    attributes: tuple[str, ...] = ("serve",)
    aliases: tuple[str, ...] = ()

    def inputs(self, rows: int, seed: int = 0) -> dict[str, Inputs]:
        """Inputs of each signature, of the same rows."""
        values = linear.draw(rows, seed)
        return {signature: encode(values) for signature, encode in self.encode.items()}

    def logits(self, rows: int, seed: int = 0) -> np.ndarray:
        """What the model makes of those rows, in float64."""
        return linear.logits(linear.draw(rows, seed), self.classes) / self.temperature

    def clean(self, rows: int, seed: int = 0) -> np.ndarray:
        """The clean scores of those rows, in float64."""
        return getattr(linear, self.head)(self.logits(rows, seed))


# By what somebody made them with; `module` is a `tf.Module`.
SOURCES: dict[str, Source] = {
    "keras":
        Source(v2.keras_model, dict.fromkeys(KERAS, "output_0"), dict.fromkeys(KERAS, as_features)),
    "keras_two_outputs":
        Source(v2.keras_two_outputs,
               dict.fromkeys(KERAS, "scores"),
               dict.fromkeys(KERAS, as_features),
               other={(signature, "embedding"): "clean" for signature in KERAS}),
    "module":
        Source(v2.names,
               scores={
                   DEFAULT: "probs/out",
                   "rate/v2": "ratings"
               },
               encode={
                   DEFAULT: in_two,
                   "rate/v2": as_rows
               },
               other={(DEFAULT, "class label"): "label"},
               attributes=("score", "rate")),
    "module_strings":
        Source(v2.strings,
               encode={DEFAULT: as_words},
               other={(DEFAULT, "label"): "label"},
               classes=3),
    "module_examples":
        Source(v2.examples, encode={DEFAULT: as_examples("examples")}, classes=5),
    "module_top_k":
        Source(v2.top_k, {DEFAULT: "probabilities"},
               other={
                   (DEFAULT, "top_values"): "clean",
                   (DEFAULT, "top_indices"): "clean"
               }),
    "module_side_doors":
        Source(v2.side_doors,
               encode=dict.fromkeys((DEFAULT, "logits"), as_features),
               other={
                   (DEFAULT, "debug/0"): "clean",
                   ("logits", "logits"): "clean"
               },
               attributes=("serve", "explain", "inner.serve", "inner.logits"),
               aliases=("fast",)),
    "module_half":
        Source(v2.softmax("float16"), dtype="float16"),
    "module_bfloat16":
        Source(v2.softmax("bfloat16"), dtype="bfloat16"),
    "module_float64":
        Source(v2.softmax("float64"), dtype="float64"),
    "module_defaults":
        Source(v2.defaults,
               encode={DEFAULT: with_temperature},
               temperature=v2.TEMPERATURE,
               tags=(v2.TAGS,)),
    "module_binary":
        Source(v2.binary, {DEFAULT: "probability"}, classes=1, head="sigmoid"),
    "module_multi_label":
        Source(v2.multi_label, {DEFAULT: "probabilities"}, head="sigmoid"),
    "module_logits":
        Source(v2.only_logits, {}, other={(DEFAULT, "logits"): "clean"}),
    "module_labels_only":
        Source(v2.only_labels, {}, other={(DEFAULT, "labels"): "label"}),
    "module_text":
        Source(v2.text),
    "v1_resource":
        Source(v1.resource_variables,
               dict.fromkeys(CLASSIFY, "scores"),
               CLASSIFY,
               other={(DEFAULT, "classes"): "constant"},
               attributes=()),
    "v1_ref":
        Source(v1.ref_variables,
               dict.fromkeys(CLASSIFY, "scores"),
               CLASSIFY,
               other={(DEFAULT, "classes"): "label"},
               attributes=()),
    "v1_estimator":
        Source(v1.estimator, {
            DEFAULT: "scores",
            "predict": "probabilities"
        }, {
            DEFAULT: as_examples("inputs"),
            "predict": as_examples("examples")
        },
               other={
                   (DEFAULT, "classes"): "constant",
                   ("predict", "all_classes"): "constant",
                   ("predict", "class_ids"): "label",
                   ("predict", "classes"): "text",
                   ("predict", "logits"): "clean"
               },
               attributes=()),
    "v1_frozen":
        Source(v1.frozen, attributes=()),
    "v1_text":
        Source(v1.text, attributes=()),
    "v1_two_meta_graphs":
        Source(v1.two_meta_graphs, tags=v1.TAGS, attributes=()),
}


def built_once(parent):
    """A function that gives the folder, in `parent`, of the model of a name."""
    built = set()

    def folder(name):
        if name not in built:
            SOURCES[name].build(parent / name)
            built.add(name)
        return parent / name

    return folder


def broken(build, change):
    """A builder of what `change` leaves of a SavedModel."""

    def write(path):
        build(path)
        change(pathlib.Path(path))

    return write


# What looks like a SavedModel at best: builders as above.
BROKEN: dict[str, Callable[[str], None]] = {
    "nothing":
        lambda path: None,
    "file":
        lambda path: pathlib.Path(path).write_text("garbage"),
    "empty":
        os.mkdir,
    "no_pb":
        broken(v2.plain, lambda path: (path / files.PB).unlink()),
    "empty_pb":
        broken(v2.plain, lambda path: (path / files.PB).write_bytes(b"")),
    "truncated_pb":
        broken(v2.plain, lambda path: files.truncate(path / files.PB)),
    "garbage_pb":
        broken(v2.plain, lambda path: (path / files.PB).write_text("garbage")),
    "truncated_variables":
        broken(v2.plain, lambda path: files.truncate(path / files.DATA)),
    "truncated_index":
        broken(v2.plain, lambda path: files.truncate(path / files.INDEX)),
    "no_index":
        broken(v2.plain, lambda path: (path / files.INDEX).unlink()),
    "no_variables":
        broken(v2.plain, lambda path: shutil.rmtree(path / "variables")),
    "no_assets":
        broken(v2.strings, lambda path: shutil.rmtree(path / "assets")),
    "no_signature":
        v2.no_signature,
    "ref_truncated_variables":
        broken(v1.ref_variables, lambda path: files.truncate(path / files.DATA)),
    "ref_no_index":
        broken(v1.ref_variables, lambda path: (path / files.INDEX).unlink()),
}
