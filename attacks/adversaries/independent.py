"""The control: a model of the same task that owes nothing to the victim."""

from attacks.adversaries.adversary import Adversary


class Independent(Adversary):
    """Trains on the true labels of the rows that its attack would query, and asks nothing.

    This is no thief but a control: its agreement with the victim is how far the shared task alone
    carries, with the same recipe, rows and steps. It is no lower bound of what leaks: a thief can
    agree less and still have learned from the victim.

    Inputs that are no rows of the victim's own data have no true labels (synthetic and random ones,
    shifted copies, other data sets), so there it is left out. An attack that adapts to the answers
    adapts to the true labels here.

    Assumed to know the true labels, as no thief does, and nothing of the victim or its defence.
    """
    needs = "truth"

    def read(self, answers, known):
        del known
        return answers
