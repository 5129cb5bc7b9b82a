"""Rows of results, as `attacks.report.report.rows` gives them, made up."""
from attacks.report import report


def row(defence, adversary, budget, seed, agreement, attack="sample", validation=None):
    values = dict.fromkeys(report.COLUMNS, 0)
    values.update(dataset="digits",
                  victim="mlp",
                  defence=defence,
                  attack=attack,
                  adversary=adversary,
                  budget=budget,
                  seed=seed,
                  agreement_clean=agreement,
                  agreement_validation=agreement if validation is None else validation)
    return values


ROWS = [
    row(defence, adversary, budget, seed, agreement + seed / 100)
    for budget, agreements in ((100, (0.7, 0.5, 0.6, 0.6)), (200, (0.9, 0.4, 0.8, 0.8)))
    for (defence, adversary), agreement in zip((("none", "probabilities"), ("rs", "probabilities"),
                                                ("none", "labels"), ("rs", "labels")), agreements)
    for seed in (0, 2)
]
