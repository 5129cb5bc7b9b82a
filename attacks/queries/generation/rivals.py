"""A student and a generator."""

from collections.abc import Callable
import dataclasses

import keras
import tensorflow as tf

from attacks.queries.generation.generator import Generator


@dataclasses.dataclass(frozen=True, eq=False)
class Rivals:
    """A student, which imitates the victim, and a generator, which finds where it does not yet.

    Attributes:
        student: Emits logits `[n, num_classes]`.
        generator: Makes inputs.
        discrepancy: Of `DISCREPANCIES`; the student lowers it and the generator raises it.
    """
    student: keras.Model
    generator: Generator
    discrepancy: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]

    def logits(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """The student's logits `[n, num_classes]`, float32."""
        return tf.cast(self.student(inputs, training=training), "float32")
