"""Chooses the strength of a defence by its costs."""
from collections.abc import Mapping
from typing import Any, Iterable

import numpy as np
from numpy.typing import ArrayLike

from revsig_keras.defences.base import Defence
from revsig_keras.defences.catalogue import make_defence
from revsig_keras.defences.coded.base import CodedDefence
from revsig_keras.defences.reverse_sigmoid import ReverseSigmoid
from revsig_keras.registry import parse_member
from revsig_keras.strength import codes
from revsig_keras.strength import settings
from revsig_keras.strength import strengths
from revsig_keras.strength.checks import check_grid
from revsig_keras.strength.checks import check_labels
from revsig_keras.strength.checks import check_rows
from revsig_keras.strength.code_choice import CodeChoice
from revsig_keras.strength.costs import OwnerRows
from revsig_keras.strength.limits import Limits
from revsig_keras.strength.setting_choice import SettingChoice
from revsig_keras.strength.strength_choice import StrengthChoice


def choose_strength(
        probabilities: ArrayLike,
        labels: ArrayLike | None = None,
        max_l1: float | None = None,
        max_kl_nats: float | None = None,
        max_ece: float | None = None,
        gammas: Iterable[float] | None = None,
        betas: Iterable[float] | None = None,
        *,
        defence: str = "reverse_sigmoid",
        max_auroc_loss: float | None = None,
        max_ece_loss: float | None = None,
        max_brier_loss: float | None = None) -> StrengthChoice | CodeChoice | SettingChoice:
    """Chooses the strength of a defence that hinders a thief most, inside the owner's limits.

    Reverse Sigmoid: of all combinations of `beta` and `gamma` whose costs are inside every given
    limit, the one with the largest mean KL(clean || defended) is chosen. The costs are those of
    `ReverseSigmoid(beta, gamma)` with `preserve_top1`, means over all rows, those that the strength
    is chosen by. After the grid, `beta` is refined for every `gamma` between its last value inside
    the limits and the next one, to within 0.5% of a limit or to 4 digits. (Only a strength that was
    measured inside the limits is ever chosen, so no cost needs to be monotone in `beta`.)

    Coded defences: the fewest bits from 0 to 8 whose costs are inside every given limit are chosen.
    Edges and confidences are fitted to a random half of the rows, and costs are measured on the
    other half. The layer that is returned is the one that was measured, fitted to its half.
    `max_l1` and `max_kl_nats` limit the answers as given. All other limits are those of decoded
    answers: the label with its calibrated confidence, which `decode` and `table` give a client.

    Other defences: `rounding` (the fewest decimals), `top_k` (the smallest `k`), `random_noise`
    (the largest `scale`) and `label_only`, which has no parameter and is taken if it is inside the
    limits.

    Give rows that the model was not trained on, since it is too sure of those, and that are not
    used for figures later. 10,000 rows of 10 classes take a second or two. If it takes longer than
    2 seconds, a terminal shows a progress bar.

    Args:
        probabilities: Array `(rows, classes)`, the clean probabilities of the model; or
            `(rows, 1)`, those of one sigmoid unit, where y counts as the row (1 - y, y) of two
            classes. (Each unit of a multi-label head is such a row: reshape to `(-1, 1)`.)
        labels: Integer array `(rows,)`, the true labels from 0 up; of a sigmoid unit 0 or 1. Needed
            by `max_ece`, `max_auroc_loss`, `max_ece_loss` and `max_brier_loss`. Coded defences fit
            their confidences to them. Defaults to `None`.
        max_l1: Float above 0, limit of the mean L1 distance between clean and defended answers,
            which is at most 2. Defaults to `None`.
        max_kl_nats: Float above 0, limit of the mean KL(clean || defended) in nats. Defaults to
            `None`.
        max_ece: Float above 0, limit of the expected calibration error of the defended answers
            (15 bins). Defaults to `None`.
        gammas: Iterable of floats in (0, 1], of the Reverse Sigmoid. `None` for 0.05, 0.1, 0.2, 0.4
            and 0.8. Defaults to `None`.
        betas: Iterable of floats in (0, 2), of the Reverse Sigmoid. `None` for 2 / classes, which
            moves a sure answer by an L1 distance of 1, its halves down to a 32nd, its doubles, and
            1.9. Defaults to `None`.
        defence: String, a defence in its textual form, without the options to choose:
            `reverse_sigmoid` (`reverse_sigmoid:gamma=.2` chooses `beta` alone), a coded defence
            without bits and state, such as `confidence_buckets:ordered_classes=5` or
            `decoy:decoys=3`, `rounding`, `top_k`, `random_noise` or `label_only`. Defaults to
            `'reverse_sigmoid'`.
        max_auroc_loss: Float above 0, limit of what is lost of the AUROC of the confidence for
            being right. Defaults to `None`.
        max_ece_loss: Float above 0, limit of what is added to the expected calibration error.
            Defaults to `None`.
        max_brier_loss: Float above 0, limit of what is added to the Brier score. Defaults to
            `None`.

    Returns:
        A `StrengthChoice` (`beta` and `gamma`), of a coded defence a `CodeChoice` (`bits`), of the
        others a `SettingChoice`: all have `layer()`, the line of `code`, `member()`, its textual
        form, and all that was measured as `rows`; `print` shows it as a table, and `plot(path)`
        draws it.

    Raises:
        ValueError: If no limit is given, if nothing is inside the limits, or if a row is not a
            distribution.

    Example:

    >>> clean = np.array([[0.98, 0.01, 0.01], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]])
    >>> choice = choose_strength(clean, max_l1=0.5)
    >>> 0.49 < choice.row.l1 <= 0.5
    True
    >>> choice.layer().beta == choice.beta
    True

    A binary classifier that ends in one sigmoid unit:

    >>> choice = choose_strength([[0.98], [0.1], [0.6]], labels=[1, 0, 1], max_l1=0.5)
    >>> choice.num_classes
    2

    The fewest bits that lose at most .02 of the confidence's AUROC:

    >>> rng = np.random.default_rng(0)
    >>> clean = rng.dirichlet([0.2, 0.2, 0.2], size=2000)
    >>> labels = np.array([rng.choice(3, p=row) for row in clean])
    >>> choice = choose_strength(clean, labels, defence="confidence_buckets", max_auroc_loss=0.02)
    >>> choice.bits, choice.layer().bits
    (3, 3)
    """
    given = {
        "l1": max_l1,
        "kl_nats": max_kl_nats,
        "ece": max_ece,
        "auroc_loss": max_auroc_loss,
        "ece_loss": max_ece_loss,
        "brier_loss": max_brier_loss
    }
    limits = Limits.check(labels is not None, given)
    layer = make_defence(defence)
    if layer is not None and np.shape(probabilities)[1:] == (1,):
        layer.check_input((None, 1))  # Not all defences take a sigmoid unit.
    probabilities = check_rows(probabilities)
    rows = OwnerRows(probabilities.astype("float32"), check_labels(labels, probabilities))
    grids = {"betas": betas, "gammas": gammas}
    if isinstance(layer, CodedDefence):
        _refuse_grids(grids, defence)
        return codes.choose(rows, limits, defence, layer)
    if layer is not None and settings.is_taken(layer):
        _refuse_grids(grids, defence)
        return settings.choose(rows, limits, defence, layer)
    grids = _fix_gamma(grids, defence, layer)
    defaults = {"betas": strengths.default_betas(rows.classes), "gammas": strengths.GAMMAS}
    checked = {
        name: check_grid(name, defaults[name] if grid is None else grid)
        for name, grid in grids.items()
    }
    return strengths.choose(rows, limits, **checked)


def chosen_options(layer: Defence) -> tuple[str, ...]:
    """Returns the names of the options that `choose_strength` chooses for a kind of defence."""
    if isinstance(layer, CodedDefence):
        return codes.CHOSEN
    return settings.chosen(layer) if settings.is_taken(layer) else ("beta", "gamma")


def _refuse_grids(grids: Mapping[str, Iterable[float] | None], defence: str) -> None:
    for name, grid in grids.items():
        if grid is not None:
            raise ValueError(f"`{name}` must be left out for {defence}, which has none. "
                             f"Received: {name}={grid!r}")


def _fix_gamma(grids: Mapping[str, Any], defence: str, layer: Any) -> dict[str, Any]:
    """Returns the grids of a Reverse Sigmoid, with the gamma that its textual form may have."""
    options = parse_member(defence).options
    if not isinstance(layer, ReverseSigmoid) or options.keys() - {"gamma"}:
        raise ValueError("`defence` must be one whose strength can be chosen, without what is "
                         "chosen: reverse_sigmoid (with no other option than gamma), a coded "
                         "defence, such as confidence_buckets or decoy:decoys=3, rounding, top_k, "
                         f"random_noise or label_only. Received: {defence}")
    if "gamma" not in options:
        return dict(grids)
    if grids["gammas"] is not None:
        raise ValueError("`gammas` must be left out where `defence` has a gamma. Received: "
                         f"gammas={grids['gammas']!r}, defence={defence}")
    return {**grids, "gammas": [layer.gamma]}
