"""How far a student's answers are from the victim's: the loss of one, the aim of the other."""

import tensorflow as tf

# The least probability that has a logarithm here. Answers that are rounded or labels hold zeros.
_LEAST = 1e-7


def l1(logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """The mean distance between logits and pseudo-logits (Truong et al., CVPR 2021), `[n]`.

    Formula: mean_k |s_k - (log y_k - mean_j log y_j)|, where a y below 1e-7 counts as 1e-7. The
    pseudo-logits are the victim's logits up to a constant per row, which the mean removes.

    Args:
        logits: The student's logits s, `[n, num_classes]`.
        targets: The answers y as the adversary reads them, distributions of the same shape.
    """
    logs = tf.math.log(tf.maximum(targets, _LEAST))
    return tf.reduce_mean(tf.abs(logits - (logs - tf.reduce_mean(logs, 1, keepdims=True))), 1)


def kl(logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """The KL divergence of the student's probabilities from the answers in nats (Kariyappa et al.,
    CVPR 2021), `[n]`: sum_k y_k (log y_k - log softmax(s)_k). `l1` describes the arguments.

    Of a label, it is the cross-entropy.
    """
    logs = tf.math.log(tf.maximum(targets, _LEAST))
    return tf.reduce_sum(targets * (logs - tf.nn.log_softmax(logits)), 1)


DISCREPANCIES = {"l1": l1, "kl": kl}
