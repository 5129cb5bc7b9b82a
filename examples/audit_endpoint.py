"""Audits an endpoint of yours, as a nightly job would: does it give away more than you allow?

    python examples/audit_endpoint.py http://127.0.0.1:8501/v1/models/digits runs/audit

Run it again with the same folder: what was answered is not paid for again, and a new version of the
model is refused there, so that each version has a verdict of its own.
"""
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[1]


def audit(oracle, output_dir, *more):
    """Runs the attacks; returns the exit status, 0, 1 or 2, and the verdict if there is one."""
    command = [
        sys.executable, "-m", "attacks.run", f"--oracle={oracle}", f"--output_dir={output_dir}",
        "--i_own_this_endpoint",
        "--dataset=digits",          # What a thief would query: inputs of the model's domain.
        "--clone_architecture=digits_cnn",
        "--budgets=50,100",
        "--max_rows=1000",           # Sends no more than this, whatever happens.
        "--oracle_rows_per_second=500",
        "--price_per_1000=1.50",
        "--fail_above=0.8",          # Status 2 if the strongest thief agrees more often.
        *more,
    ]  # yapf: disable
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    path = pathlib.Path(output_dir, "verdict.json")
    return status, json.loads(path.read_text()) if status != 1 else None


def main(oracle, output_dir, *more):
    status, verdict = audit(oracle, pathlib.Path(output_dir).absolute(), *more)
    if verdict:
        strongest, = verdict["findings"]
        bill = verdict["bill"]
        print(
            f"\nA thief with {strongest['budget']} queries ({strongest['cost']:.2f}) gets a clone "
            f"that agrees {strongest['agreement']:.0%}. This run sent {bill['rows_sent']} rows.")
    sys.exit(status)


if __name__ == "__main__":
    main(*sys.argv[1:])
