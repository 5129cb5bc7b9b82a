"""The base class of defences whose answers are constants."""
import os
from typing import Any, Mapping, Self, Sequence

from keras import ops
import numpy as np

from revsig_keras.arguments import check_boolean
from revsig_keras.arguments import check_integer
from revsig_keras.defences.base import Defence
from revsig_keras.defences.coded import codebook
from revsig_keras.defences.coded import fitting
from revsig_keras.defences.coded import reading
from revsig_keras.defences.coded.clean_rows import CleanRows
from revsig_keras.defences.coded.clean_rows import which_are_right
from revsig_keras.defences.coded.selection import select
from revsig_keras.defences.coded.state import CodeState
from revsig_keras.defences.coded.state import load
from revsig_keras.defences.coded.state import unfitted
from revsig_keras.defences.label_rule import KeepsLabel
from revsig_keras.defences.numerics.probabilities import check_probabilities
from revsig_keras.defences.numerics.probabilities import Tensor


class CodedDefence(Defence):
    """A defence that answers with constants, chosen by the label and a confidence bucket alone.

    The answer to a row is *selected* from a table of constants, never computed from the row. So
    nothing else of the row is told, not even in the last bit.

    Theorem: beyond the labels, n answers of b bits tell at most n b bits of the victim,
    sum_i I(victim; A_i | X_i, L_i, history, coins, T) <= n b, for the answers A_i to queries X_i
    with labels L_i, whatever a thief knows and however it adapts; T is the table. And every thief
    of the defended model can be run by somebody who sees labels and buckets only.

    Proof:

    1. A_i = T(L_i, B_i), with a bucket B_i of at most 2^b values.
    2. So given L_i and T, each of the n terms is at most H(A_i | L_i, T) <= H(B_i) <= b bits.
    3. Somebody who sees L_i and B_i looks A_i up in T, and runs the thief on that.

    Not covered: the labels, which may be enough for a thief, also those of queries that it chose
    with the help of earlier buckets; timing, errors and other outputs of the service; the table,
    which is disclosed once (its stored bits, drawn from the owner's rows); a row of NaN, the answer
    to an input with a NaN or an infinity, one more symbol than 2^b. The theorem counts answers:
    asking again tells nothing only where the victim is deterministic across batches and replicas.
    An order of classes adds log2((K - 1)! / (K - r)!) bits an answer, 40 for K = 1,000 classes and
    r = 5. K sigmoid units are K answers.

    The bucket is the number of edges that the doubt 1 - y_top reaches, the sum of the other classes
    in float32 or better. A doubt that equals an edge reaches it. Another path of computation, such
    as a compiled or converted one, may disagree where the doubt is within 8 steps of float32
    (8 * 2^-23 of it) of an edge. Such rows hardly occur: of a million hostile ones none, whether
    eager, compiled, served, in LiteRT or in ONNX. The answer is a constant on each path.

    A subclass implements `shares`, `roles` and `distances`.

    Attributes:
        ordered_classes: How many of the first classes an answer tells in their order, the label
            included.
    """
    ordered_classes = 1
    has_bounded_gradient = True

    def __init__(self,
                 bits: int = 3,
                 *,
                 from_logits: bool = False,
                 axis: int = -1,
                 state: str | os.PathLike[str] | Mapping[str, Any] = "",
                 apply_in_training: bool = False,
                 **kwargs: Any):
        super().__init__(apply_in_training=apply_in_training, **kwargs)
        code = unfitted(bits)
        if isinstance(state, (str, os.PathLike)):
            code = load(state) if state else code
        else:
            code = CodeState.from_dict(state)
        self.bits = code.bits
        self.state = code.as_dict()
        self.from_logits = check_boolean("from_logits", from_logits)
        self.axis = check_integer("axis", axis)

    def shares(self, classes: int) -> np.ndarray:
        """Returns the constants `(buckets, roles)`; the first role is the label's.

        Args:
            classes: Integer, the number of classes; 2 for sigmoid units.

        Raises:
            ValueError: If there are too few classes, or if numbers that must differ are equal in
                the output's dtype.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `shares`.")

    def roles(self, rows: np.ndarray) -> np.ndarray:
        """Returns the index of the role of each entry of answers `(n, classes)`, in NumPy."""
        raise NotImplementedError(f"{type(self).__name__} must implement `roles`.")

    def distances(self, rows: reading.Reading) -> list[Tensor]:
        """Returns the distance of each entry from the label's role, and from others that need one.

        It is 0 for entries of that role; for those of a role whose share is behind by the same gap
        in all buckets it may be the gap; and it is 1 for all others. Entries at a distance of 1
        from each have the last role, whose shares are the least.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `distances`.")

    def classes_of(self, shape: Sequence[int | None]) -> int:
        """Returns the number of classes in rows of this shape, 2 for sigmoid units."""
        return 2 if self.multi_label else max(2, shape[self.axis] or 0)

    def most_answers(self, classes: int) -> int:
        """Returns the most different answers that there can be, 2 classes for sigmoid units."""
        return classes * 2**self.bits

    @property
    def code(self) -> CodeState:
        """The edges of the buckets and their confidences."""
        return CodeState.from_dict(self.state)

    @property
    def keeps_label(self) -> KeepsLabel:
        return "by_construction"

    def check_input(self, shape: Sequence[int | None], dtype: str | None = None) -> None:
        if self.multi_label:
            super().check_input(shape, dtype)
        else:
            check_probabilities(shape, dtype, self.axis, fewest=1)
        classes, fitted = self.classes_of(shape), self.code.classes
        if fitted not in (None, classes):
            raise ValueError(f"`{type(self).__name__}` was fitted to {fitted} classes. "
                             f"Received: shape={tuple(shape)}, with {classes}")
        self.shares(classes)  # Refuses too few classes, and shares that the dtype makes equal.

    def perturb(self, probabilities: Tensor) -> Tensor:
        y, has_units = probabilities, self._has_units(probabilities)
        moved = not self.multi_label and self.axis not in (-1, len(y.shape) - 1)
        if moved:
            y = ops.moveaxis(y, self.axis, -1)
        elif self.multi_label:
            y = y[..., None]
        rows = (reading.read_units if has_units else reading.read_rows)(y, self.from_logits)
        shares = self.shares(self.classes_of(probabilities.shape))
        answers = select(shares, self.code.edges, rows, self.distances(rows))
        if self.multi_label:
            return answers[..., 0]
        return ops.moveaxis(answers, -1, self.axis) if moved else answers

    def adapt(self, probabilities: Any, labels: Any = None) -> None:
        """Fits the buckets and their confidences to clean rows.

        Edges are equally spaced in -log(1 - y_top). The confidence of a bucket is its mean top
        probability or, with labels, the share of rows that are right; see `coded.fitting`.

        Args:
            probabilities: Array of rows as the layer receives them (logits, if `from_logits`): the
                clean answers of the classifier to rows that it was not trained on.
            labels: Array of the true classes, of the shape of the rows without the axis of the
                classes, or 0 and 1 for each sigmoid unit. Defaults to `None`: the classifier's own
                probabilities are taken for confidences.

        Raises:
            ValueError: If there are no rows, or other than the layer receives, or if the answers
                could not be told apart.
        """
        fitted, self.state = self.state, unfitted(self.bits).as_dict()
        try:
            super().adapt(probabilities, labels)
            self.check_input(np.shape(probabilities))
        except BaseException:  # An interruption too, or a warning that is turned into an error.
            self.state = fitted
            raise

    def fit_state(self, probabilities: np.ndarray, labels: np.ndarray | None) -> dict[str, Any]:
        y, has_units = probabilities.astype("float64"), self._has_units(probabilities)
        classes = self.classes_of(y.shape)
        y = y if self.multi_label else np.moveaxis(y, self.axis, -1)
        predicted, doubts = CleanRows(y, self.from_logits, has_units).labels_and_doubts()
        is_right = None
        if labels is not None:
            is_right = which_are_right(predicted, labels, classes).ravel()
        return fitting.fit(self.bits, classes, doubts.ravel(), is_right).as_dict()

    def decode(self, answers: Any) -> codebook.Decoded:
        """Returns the label, the bucket and the calibrated confidence of each answer.

        Args:
            answers: Array of answers of this layer, or of a model that ends in it: as they came, or
                rounded by less than `table()["tolerance"]`.

        Returns:
            The arrays `labels`, `buckets` and `confidences`, of the shape of the answers without
            the axis of the classes; of that shape, if `multi_label`.

        Raises:
            ValueError: If an answer is none of this layer, or rounded too far.
        """
        rows, shape = self._rows(answers)
        found = self._codebook(rows.shape[1]).decode(rows)
        return codebook.Decoded(*(values.reshape(shape) for values in found))

    def count(self, answers: Any) -> tuple[int, int]:
        """Counts answers, without those to spoilt rows, which are NaN.

        Returns:
            How many different ones there are, and how many are no constants of the layer, to the
            bit. These have to be at most `most_answers(classes)`, and 0.
        """
        rows, _ = self._rows(answers)
        rows = rows[~np.isnan(rows).all(axis=1)]
        return codebook.distinct(rows), self._codebook(rows.shape[1]).strays(rows)

    def table(self, classes: int | None = None) -> dict[str, Any]:
        """Returns what a client in any language needs in order to decode answers, for JSON.

        The label is the index of the largest entry, and the bucket that of the number in
        `label_shares` that is closest to this entry, less than `tolerance` away; else it is no
        answer of this layer. (A sigmoid unit y stands for the row 1 - y, y.)

        Args:
            classes: Integer, the number of classes; 2 for sigmoid units. Defaults to `None`: the
                number that the layer was fitted to.

        Raises:
            ValueError: If the layer was fitted to another number of classes, or to none and
                `classes` is not given.
        """
        fitted = self.code.classes
        if classes is None and fitted is None:
            raise ValueError("`classes` must be given for a layer that was not fitted. "
                             "Received: classes=None")
        classes = check_integer("classes", fitted if classes is None else classes, least=2)
        if fitted not in (None, classes):
            raise ValueError(f"`classes` must be {fitted}, the number that the layer was fitted "
                             f"to. Received: classes={classes}")
        book = self._codebook(classes)
        return {
            "schema_version": 1,
            "defence": type(self).__name__,
            "bits": self.bits,
            "classes": classes,
            "dtype": self.compute_dtype,
            "confidences": book.confidences.tolist(),
            "label_shares": book.shares[:, 0].tolist(),
            "tolerance": book.tolerance,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        layer = super().from_config(config)
        if layer.state is None:
            layer.state = unfitted(layer.bits).as_dict()
        layer.bits = layer.code.bits  # Refuses what is no state.
        return layer

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(), "bits": self.bits,
            "from_logits": self.from_logits,
            "axis": self.axis
        }

    def _codebook(self, classes: int) -> codebook.Codebook:
        return codebook.Codebook(self.shares(classes), np.array(self.code.confidences), self.roles)

    def _rows(self, answers: Any) -> tuple[np.ndarray, tuple[int, ...]]:
        """Returns answers as rows `(n, classes)` of float64, and the shape that they came in."""
        answers = ops.convert_to_numpy(answers).astype("float64")
        self.check_input(answers.shape)
        rows = answers[..., None] if self.multi_label else np.moveaxis(answers, self.axis, -1)
        if rows.shape[-1] == 1:
            rows = np.concatenate([1 - rows, rows], axis=-1)
        return rows.reshape(-1, rows.shape[-1]), rows.shape[:-1]
