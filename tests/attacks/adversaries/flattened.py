"""A defence from outside the project, for the tests."""
import keras

from revsig_keras import Defence


@keras.saving.register_keras_serializable(package="tests")
class Flattened(Defence):
    """A user's own defence: a mixture with the uniform row, of an amount that can be learned."""
    ranges = {"amount": (0.0, 0.8)}

    def __init__(self, amount: float = 0.1, *, apply_in_training=False, **kwargs):
        super().__init__(apply_in_training=apply_in_training, **kwargs)
        self.amount = amount

    def perturb(self, probabilities):
        return (1 - self.amount) * probabilities + self.amount / probabilities.shape[-1]

    def get_config(self):
        return {**super().get_config(), "amount": self.amount}
