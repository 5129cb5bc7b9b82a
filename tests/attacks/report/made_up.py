"""Results that were never measured, as rows and as the files of cells."""
import json

import numpy as np

from attacks.evaluation.packed_rows import pack
from attacks.evaluation.packed_rows import pack_groups
from attacks.report.columns.columns import SUMMARY
from attacks.report.statistics.per_row import PerRow


def row(defence, adversary, budget, seed, agreement, attack="sample", validation=None, **values):
    """A row as `attacks.report.rows.summary.summary_rows` gives it."""
    return {
        **{column.name: None if column.origin else 0 for column in SUMMARY},
        "dataset": "digits",
        "victim": "mlp",
        "victim_fingerprint": "v" * 64,
        "clone_architecture": "mlp",
        **dict.fromkeys(("agreement_balanced", "chance_agreement", "needs", "keeps", "sees_clean")),
        "defence": defence,
        "attack": attack,
        "adversary": adversary,
        "budget": budget,
        "seed": seed,
        "agreement_clean": agreement,
        "agreement_validation": agreement if validation is None else validation,
        "evaluated_rows": 400,
        "commit": "c" * 40,
        **values,
    }  # yapf: disable


ROWS = [
    row(defence, adversary, budget, seed, agreement + seed / 100)
    for budget, agreements in ((100, (0.7, 0.5, 0.6, 0.6)), (200, (0.9, 0.4, 0.8, 0.8)))
    for (defence, adversary), agreement in zip((("none", "probabilities"), ("rs", "probabilities"),
                                                ("none", "labels"), ("rs", "labels")), agreements)
    for seed in (0, 2)
]


def record(defence="none", adversary="labels", budget=100, seed=0, attack="sample", **entries):
    """The record of a cell; `entries` replace some of it."""
    members = {"defence": defence, "attack": attack, "adversary": adversary}
    resolved = {kind: {"name": member} for kind, member in members.items()}
    return {
        "schema_version": 2,
        "id": f"{defence}-{attack}-{adversary}-b{budget}-s{seed}".replace(":", "_"),
        "cell": {**members, "budget": budget, "seed": seed, "resolved": resolved},
        "dataset": {"name": "digits", "rows": {"test": 400}},
        "victim": {"name": "mlp"},
        "versions": {"python": "3.11.7", "tensorflow": "2.21.0"},
        "commit": "c" * 40,
        "hardware": {"cpu": "AMD EPYC", "cpu_cores": 2, "gpus": [], "replicas": 1},
        "queries_used": budget,
        "metrics": {"agreement_clean": 0.5, "agreement_defended": 0.25, "agreement_validation": 0.5,
                    "distortion_l1": 0.1},
        "clone": {"steps": 1, "train_seconds": 1.0, "digest": "0"},
        **entries,
    }  # yapf: disable


def per_row(rows, agreements, test_rows="t", groups=None):
    """The agreement of rows by test row, as records keep it; the rows get ids."""
    grouped = {} if groups is None else {"groups": pack_groups(np.array(groups))}
    kept = []
    for place, (row, bits) in enumerate(zip(rows, agreements)):
        row["id"] = f"cell {place}"
        name = test_rows if isinstance(test_rows, str) else test_rows[place]
        kept.append({
            "id": row["id"],
            "rows": {
                "count": len(bits),
                "test_rows": name,
                "agreement": pack(np.array(bits, bool)),
                **grouped
            }
        })
    return PerRow(kept)  # yapf: disable


def write_cell(directory, result):
    """Writes a record where the reader finds it; returns the path."""
    (directory / "cells").mkdir(exist_ok=True)
    path = directory / "cells" / f"{result['id']}.json"
    path.write_text(json.dumps(result))
    return path


def write_grid(directory):
    """Writes eight cells: two defences, adversaries and seeds."""
    for defence, adversary, seed in ((defence, adversary, seed)
                                     for defence in ("none", "rs")
                                     for adversary in ("probabilities", "labels")
                                     for seed in (0, 1)):
        agreement = 0.9 - 0.3 * (defence == "rs") * (adversary == "probabilities") + seed / 100
        metrics = {"agreement_clean": agreement, "agreement_defended": agreement,
                   "agreement_validation": agreement}  # yapf: disable
        write_cell(directory, record(defence, adversary, seed=seed, metrics=metrics))
