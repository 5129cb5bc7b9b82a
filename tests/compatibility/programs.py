"""Runs several programs as a user does."""
from tests.programs import Program


def run_all(commands):
    """Runs modules one after the other; returns their exit statuses, outputs and messages."""
    results = []
    for command in commands:
        program = Program(*command)
        out, err = program.communicate(timeout=300)
        results.append((program.returncode, out, err))
    return results
