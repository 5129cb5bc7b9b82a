"""The Copycat attack: images of another domain."""

from attacks.queries.attack import Attack


class Copycat(Attack):
    """Queries images of another domain, uniformly without replacement (arXiv 1806.05476,
    "CopycatCNN").

    The published thief keeps only the labels of the answers; combine this attack with the adversary
    `labels` for that.

    Args:
        pool: String, the images: `photos`, patches of two photographs that need no download,
            `digits`, an image-classification set of TFDS, or your own: a .npz file with inputs `x`,
            of uint8 or of floats in the range of the victim's inputs, or a folder of images. Never
            the victim's own data. Defaults to `"photos"`.

    Raises:
        ValueError: In `check`, if there is no such pool for the victim or it is too small.
    """

    def __init__(self, pool: str = "photos"):
        self.pool = pool

    def candidates(self, pools):
        return pools.foreign(self.pool).inputs

    def steal(self, thief):
        pool = self.candidates(thief.pools)
        order = thief.random("queries").permutation(len(pool))
        thief.ask(pool[order[:thief.budget]])
