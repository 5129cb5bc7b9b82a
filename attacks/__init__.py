"""The experiments: what a thief can query, makes of the answers, and ends up with.

    from attacks import ExecutionConfig, ExperimentConfig, RunConfig, run_experiment

    config = RunConfig(ExperimentConfig(budgets=(50, 100)), ExecutionConfig("runs/mine"))
    results = run_experiment(config)
    print(results.text())
"""
import importlib
from typing import Any

import revsig_keras  # noqa: F401  (first, so that programs start quietly: revsig_keras.cli.startup)
from revsig_keras.cli.startup import require_suite

require_suite()
_PUBLIC = {
    "ADVERSARIES": "attacks.grid.registries",
    "ATTACKS": "attacks.grid.registries",
    "ExecutionConfig": "attacks.grid.execution",
    "ExperimentConfig": "attacks.grid.experiment_config",
    "Judgement": "attacks.grid.judgement",
    "Recipe": "attacks.clone.recipe",
    "RecipeChoice": "attacks.grid.recipe_choice",
    "Results": "attacks.report",
    "RunConfig": "attacks.grid.config",
    "run_experiment": "attacks.experiment",
}
__all__ = [*_PUBLIC]


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used, so that one room can be imported alone."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)
