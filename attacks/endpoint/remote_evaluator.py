"""What a clone of an endpoint is worth, as its answers show it."""

from attacks.agreement import AgreementEvaluator
from attacks.agreement import share


class RemoteEvaluator(AgreementEvaluator):
    """Measures clones against the labels that an endpoint gave on held-out rows.

    What would need the victim without its defence cannot be known, and is None.
    """

    def measure(self, clone, defence, queried):
        del defence, queried
        truth, labels = self.test.y, clone.findings
        unknown = ("agreement_clean", "victim_accuracy_clean", "label_changes_test",
                   "noise_kl_nats", "noise_kl_bits", "noise_kl_reverse_nats",
                   "noise_kl_reverse_bits", "noise_l1", "label_changes")
        return {
            "agreement_defended": share(labels.test == self.test_labels),
            "agreement_validation": share(labels.evaluation == self.evaluation_labels),
            "clone_accuracy": share(labels.test == truth),
            "victim_accuracy_defended": share(self.test_labels == truth),
            **dict.fromkeys(unknown),
        }
