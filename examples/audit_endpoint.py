"""Audits an endpoint of yours, as a nightly job would: does it give away more than you allow?

    PYTHONPATH=. python examples/audit_endpoint.py http://127.0.0.1:8501/v1/models/digits runs/audit

Run it again with the same folder: no answer is paid for twice, and a new version of the model is
refused there, so that each version has a verdict of its own. The exit status is 2 if a thief agrees
with the model more often than the limit (0.8, or what follows the folder) allows, and 3 if too
little is known to decide it.
"""
import logging
import sys

from attacks import ExecutionConfig
from attacks import ExperimentConfig
from attacks import Judgement
from attacks import Recipe
from attacks import run_experiment
from attacks import RunConfig
from attacks.endpoint.address import Address
from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.config import RemoteConfig
from attacks.report.verdict.verdict import exit_status
from models.data.loading import DataConfig


def audit(oracle, output_dir, fail_above, steps):
    """Runs the attacks; returns the verdict."""
    endpoint = EndpointConfig(Address.parse(oracle), rows_per_second=500)
    experiment = ExperimentConfig(
        data=DataConfig("digits"),  # What a thief would query: inputs of the model's domain.
        victim=RemoteConfig(endpoint, owned=True, max_rows=1000),  # Sends no more rows than this.
        clone=Recipe("digits_cnn", steps=steps),
        defences=("as_served",),
        budgets=(50, 100))
    judgement = Judgement(price_per_1000=1.50, fail_above=fail_above)
    results = run_experiment(RunConfig(experiment, ExecutionConfig(output_dir), judgement))
    results.write()  # Tables, the figure and verdict.json.
    return results.verdict()


def main(oracle, output_dir, fail_above=0.8, steps=600):
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        verdict = audit(oracle, output_dir, float(fail_above), int(steps))
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    print(verdict["sentence"])
    strongest, = verdict["findings"]
    print(f"\nA thief with {strongest['budget']} queries ({strongest['cost']:.2f}) gets a clone "
          f"that agrees {strongest['agreement']:.0%}. "
          f"This run sent {verdict['bill']['rows_sent']} rows.")
    sys.exit(exit_status(verdict))


if __name__ == "__main__":
    main(*sys.argv[1:])
