"""The outcome of a claim: does its runs, judges them, and writes `RESULTS.md`."""
