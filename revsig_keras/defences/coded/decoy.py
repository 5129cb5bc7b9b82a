"""Decoy classes that mislead a thief: the deceptive coded defence."""
from collections.abc import Mapping
import os
from typing import Any

import keras
from keras import ops
import numpy as np

from revsig_keras.arguments import check_integer
from revsig_keras.defences.coded.base import CodedDefence
from revsig_keras.defences.coded.reading import Reading
from revsig_keras.defences.coded.shares import decoy_shares
from revsig_keras.defences.coded.shares import ring_of
from revsig_keras.defences.numerics.indices import FEW
from revsig_keras.defences.numerics.indices import gather
from revsig_keras.defences.numerics.probabilities import row_min
from revsig_keras.defences.numerics.probabilities import Tensor


@keras.saving.register_keras_serializable(package="revsig_keras")
class Decoy(CodedDefence):
    """Answers with the label hardly ahead of decoys, other classes that are always the same.

    It misleads a thief who trains a clone on the answers, as `ReverseSigmoid` does, but cannot be
    undone: an answer is one of classes * 2^bits constant rows, chosen by the label and by how sure
    the classifier is. For a thief who takes the argmax, it equals `ConfidenceBuckets`, and one who
    knows the defence and decodes the answers learns labels and buckets from either.

    Formula:

    ```
    output_label = v,  output_decoy = v - gap,  output_j = w of all others, with a sum of 1
    ```

    The gap is the same in all buckets: at least 10^-decimals, and 2 steps of the output's dtype.
    So the label survives if a client rounds to `decimals`. The bucket is told by w, which falls in
    equal steps, the surer the lower; the mass of these classes is from 0.08 to 0.01, or from 1/2 to
    1/16 of their share of a uniform row where that is less. So v ranks answers by confidence, and
    nothing is 0. The buckets, their edges and `adapt` are those of `ConfidenceBuckets`; `decode`
    gives the calibrated confidence back, which the row itself does not show.

    The defaults are chosen by the agreement of a naive thief on digits, with 100 and 400 queries
    (`results/decoy_digits`, five replicates; undefended .926 and .973): .362 and .401. One decoy
    leaves it .475 and .504, three .330 and .329, for answers that are farther from the clean ones
    (an L1 distance of 1.49 instead of 1.33). A gap of .1 leaves it .495 and .610, and one of .001
    .342 and .358, but not the label to a client who rounds to two decimals.

    The decoys of a label are the next classes on a ring whose order follows from `seed`, which is
    no secret: one answer for each label shows them.

    Beyond the labels, n answers tell a thief at most n * bits bits of the victim, whatever it knows
    and however it adapts; the base class `CodedDefence` has the theorem and its proof. Not covered:
    the labels, which may be enough for a thief; timing, errors and other outputs; the table, which
    is disclosed once; a victim that is not deterministic, if it is asked again.

    Rows need not be distributions: negative entries count as 0, and a row without mass as uniform.
    A row with a NaN or an infinity becomes NaN without any effect on others. The map is piecewise
    constant: nothing can be trained through it.

    Args:
        bits: Integer from 0 to 8, the most bits that an answer tells beyond the label. With
            `state`, that of the state. Defaults to `3`.
        decoys: Integer from 1 to classes - 2, the number of decoys of a label. Defaults to `2`.
        decimals: Integer from 1 to 7, the decimals to which a client may round without loss of
            the label. Defaults to `2`.
        seed: Integer of 0 or more; others give other decoys. Defaults to `0`.
        from_logits: Boolean, whether the inputs are logits. Defaults to `False`.
        axis: Integer, the axis of the classes. Defaults to `-1`.
        state: The state of a fitted layer, `layer.state`, or a JSON file of it. Defaults to `''`,
            none.
        apply_in_training: Boolean, whether to perturb when `training=True` too. Defaults to
            `False`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments and shapes are those of `Defence`.

    Example:

    >>> layer = Decoy(bits=1, decoys=1)
    >>> answers = layer(np.array([[0.99, 0.01, 0.0], [0.25, 0.7, 0.05]]))
    >>> np.array(answers).round(3)
    array([[0.5  , 0.01 , 0.49 ],
           [0.455, 0.465, 0.08 ]], dtype=float32)
    >>> layer.decode(answers).labels.tolist()
    [0, 1]

    References:
        - [Lee et al., Defending Against Machine Learning Model Stealing Attacks Using Deceptive
          Perturbations](https://arxiv.org/abs/1806.00054), for the aim
    """

    def __init__(self,
                 bits: int = 3,
                 decoys: int = 2,
                 decimals: int = 2,
                 seed: int = 0,
                 *,
                 from_logits: bool = False,
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
        self.decoys = check_integer("decoys", decoys, least=1)
        self.decimals = check_integer("decimals", decimals, 1, 7, "float32 has no more")
        self.seed = check_integer("seed", seed, least=0)

    def shares(self, classes: int) -> np.ndarray:
        return decoy_shares(self.code, self.decoys, self.decimals, classes, self.compute_dtype)

    def roles(self, rows: np.ndarray) -> np.ndarray:
        places = np.array(ring_of(rows.shape[1], self.seed))
        ahead = (places - places[rows.argmax(axis=1)][:, None]) % rows.shape[1]
        return np.where(ahead == 0, 0, np.where(ahead <= self.decoys, 1, 2))

    def distances(self, rows: Reading) -> list[Tensor]:
        classes = rows.y.shape[-1]
        label, decoy, _ = self.shares(classes)[0]
        gap = float(label - decoy)  # Exact, and so is the label's share less the gap.
        places = np.array(ring_of(classes, self.seed))
        if classes <= FEW:
            ahead = (places - places[:, None]) % classes
            table = np.where(ahead == 0, 0.0, np.where(ahead <= self.decoys, gap, 1.0))
            dtype = keras.backend.standardize_dtype(rows.y.dtype)
            return [gather(ops.convert_to_tensor(table, dtype), rows.label)]
        places = ops.convert_to_tensor(places, rows.y.dtype)
        place = row_min(places + classes * rows.distance)
        last = place + self.decoys
        # Comparisons alone, which cost less than a difference of all entries.
        is_decoy = ops.logical_and(places > place, places <= last)
        is_decoy = ops.logical_or(is_decoy, places <= last - classes)
        return [ops.where(is_decoy, gap, rows.distance)]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(), "decoys": self.decoys,
            "decimals": self.decimals,
            "seed": self.seed
        }
