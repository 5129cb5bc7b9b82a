"""The map of a defence over its two parameters."""
import itertools

import pytest

from attacks.report.strength_map import draw_strengths
from tests.attacks.report.made_up import row

BETAS, GAMMAS = (0.2, 1.0, 1.9), (0.1, 0.5)


def rows():
    """The naive thief has beta / 2 + gamma / 100 of agreement, the other one .9."""
    settings = itertools.product(BETAS, GAMMAS)
    made = [row("none", "labels", 100, 0, 0.9), row("rounding:decimals=1", "labels", 100, 0, 0.9)]
    for beta, gamma in settings:
        defence = f"reverse_sigmoid:beta={beta:g}:gamma={gamma:g}"
        made += [
            row(defence, adversary, 100, 0, agreement, distortion_l1=beta,
                confidence_auroc_defended=None)
            for adversary, agreement in (("probabilities", beta / 2 + gamma / 100), ("labels", 0.9))
        ]  # yapf: disable
    return made


def test_each_setting_is_in_its_place():
    figure = draw_strengths(rows())
    panels = {axis.get_title(): axis.images[0].get_array() for axis in figure.axes if axis.images}
    naive = panels["agreement of the naive thief"]
    for (line, beta), (column, gamma) in itertools.product(enumerate(BETAS), enumerate(GAMMAS)):
        assert naive[line, column] == pytest.approx(beta / 2 + gamma / 100)
    assert (panels["agreement of the strongest thief"] == 0.9).sum() > 0
    assert (panels["L1 distance of the answers"][0] == 0.2).all()
    assert panels["AUROC of confidence"].mask.all()


def test_defences_without_the_parameters_are_refused():
    with pytest.raises(ValueError, match="must have defences with gamma and beta. Received: round"):
        draw_strengths([each for each in rows() if not each["defence"].startswith("reverse")])
