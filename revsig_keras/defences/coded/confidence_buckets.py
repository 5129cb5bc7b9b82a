"""Calibrated confidences in a few steps: the honest coded defence."""
from collections.abc import Mapping
import math
import os
from typing import Any

import keras
import numpy as np

from revsig_keras.arguments import check_boolean
from revsig_keras.arguments import check_integer
from revsig_keras.defences.coded.base import CodedDefence
from revsig_keras.defences.coded.reading import distances_of_order
from revsig_keras.defences.coded.reading import Reading
from revsig_keras.defences.coded.shares import honest_shares
from revsig_keras.defences.numerics.probabilities import Tensor


@keras.saving.register_keras_serializable(package="revsig_keras")
class ConfidenceBuckets(CodedDefence):
    """Answers with the label and the calibrated confidence of its bucket.

    For services whose users need confidences. An answer is one of classes * 2^bits constant rows,
    chosen by the label and by how sure the classifier is, so it tells a thief nothing else.

    Formula:

    ```
    doubt = (sum of the other classes) / (sum of all)         1 - y_top
    bucket = number of edges that are not below doubt         edges: at most 2^bits - 1
    output_label = c                                          c: confidence of the bucket
    output_j = (1 - c) / (classes - 1)                        all others
    ```

    With `ordered_classes=r`, for services that show the r most probable classes, their order is
    told too. The rest 1 - c then has fixed shares: r parts for the second class, r - 1 for the
    third, and so on to 2 for the r-th; each class without an order has one part.

    Beyond the labels, n answers tell a thief at most n * bits bits of the victim, whatever it knows
    and however it adapts; the base class `CodedDefence` has the theorem and its proof. Not covered:
    the labels, which may be enough for a thief; timing, errors and other outputs; the table, which
    is disclosed once; a victim that is not deterministic, if it is asked again. With
    `ordered_classes=r`, log2((classes - 1)! / (classes - r)!) bits are added to an answer: 40 for
    1,000 classes and r=5. A row of sigmoid units has `bits` bits for each unit.

    Call `adapt` with clean answers to validation rows, and their true classes if you have them.
    Until then the edges are 2^-(1 + 6 i / 2^bits), i from 1 to 2^bits - 1, and each confidence is
    that of the middle of its bucket, not calibrated.

    Rows need not be distributions: negative entries count as 0, and a row without mass as uniform.
    A row (or unit) with a NaN, and a row with an infinite entry, becomes NaN without any effect on
    others. The map is piecewise constant: nothing can be trained through it.

    Args:
        bits: Integer from 0 to 8, the most bits that an answer tells beyond the label. With
            `state`, that of the state. Defaults to `3`.
        ordered_classes: Integer from 1 to classes - 1, the number of classes whose order is told,
            the label included. Defaults to `1`.
        from_logits: Boolean, whether the inputs are logits. Defaults to `False`.
        multi_label: Boolean, whether each entry is a sigmoid unit of its own. An axis of size 1 is
            always one unit. Defaults to `False`.
        axis: Integer, the axis of the classes. Without effect if `multi_label`. Defaults to `-1`.
        state: The state of a fitted layer, `layer.state`, or a JSON file of it. Defaults to `''`,
            none.
        apply_in_training: Boolean, whether to perturb when `training=True` too. Defaults to
            `False`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments and shapes are those of `Defence`.

    Example:

    >>> layer = ConfidenceBuckets(bits=1)
    >>> layer.adapt(np.array([[0.9, 0.06, 0.04], [0.2, 0.6, 0.2], [0.3, 0.3, 0.4]]))
    >>> answers = layer(np.array([[0.86, 0.12, 0.02], [0.45, 0.35, 0.2]]))
    >>> np.array(answers).round(3)
    array([[0.75 , 0.125, 0.125],
           [0.4  , 0.3  , 0.3  ]], dtype=float32)
    >>> layer.decode(answers).labels.tolist()
    [0, 0]

    References:
        - [Guo et al., On Calibration of Modern Neural
          Networks](https://arxiv.org/abs/1706.04599)
    """

    def __init__(self,
                 bits: int = 3,
                 ordered_classes: int = 1,
                 *,
                 from_logits: bool = False,
                 multi_label: bool = False,
                 axis: int = -1,
                 state: str | os.PathLike[str] | Mapping[str, Any] = "",
                 apply_in_training: bool = False,
                 **kwargs: Any):
        super().__init__(bits,
                         from_logits=from_logits,
                         axis=axis,
                         state=state,
                         apply_in_training=apply_in_training,
                         **kwargs)
        self.ordered_classes = check_integer("ordered_classes", ordered_classes, least=1)
        self.multi_label = check_boolean("multi_label", multi_label)

    def shares(self, classes: int) -> np.ndarray:
        return honest_shares(self.code, self.ordered_classes, classes, self.compute_dtype)

    def roles(self, rows: np.ndarray) -> np.ndarray:
        order = np.argsort(-rows, axis=1, kind="stable")
        ranks = np.empty_like(order)
        np.put_along_axis(ranks, order, np.arange(rows.shape[1])[None], axis=1)
        return np.minimum(ranks, self.ordered_classes)

    def distances(self, rows: Reading) -> list[Tensor]:
        return distances_of_order(rows, self.ordered_classes)

    def most_answers(self, classes: int) -> int:
        return super().most_answers(classes) * math.perm(classes - 1, self.ordered_classes - 1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(), "ordered_classes": self.ordered_classes,
            "multi_label": self.multi_label
        }
