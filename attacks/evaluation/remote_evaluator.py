"""What a clone of an endpoint is worth, as its answers show it."""

from attacks.evaluation.agreement import AgreementEvaluator
from attacks.evaluation.agreement import share


class RemoteEvaluator(AgreementEvaluator):
    """Measures clones against the labels that an endpoint gave on held-out rows.

    What would need the victim without its defence cannot be known, and is None.
    """

    def measure(self, clone, defence, queried):
        del defence, queried
        truth, examined = self.test.y, self.examined(clone)
        unknown = ("agreement_clean", "victim_accuracy_clean", "label_changes_test",
                   "distortion_kl_nats", "distortion_kl_bits", "distortion_kl_reverse_nats",
                   "distortion_kl_reverse_bits", "distortion_l1", "label_changes", "clone_kl_nats",
                   "transferability", "transferability_noise")
        return {
            "agreement_defended": share(examined.test_labels == self.test_labels),
            "agreement_held_out": clone.agreement_held_out,
            "clone_accuracy": share(examined.test_labels == truth),
            "victim_accuracy_defended": share(self.test_labels == truth),
            **examined.figures,
            **dict.fromkeys(unknown),
        }
