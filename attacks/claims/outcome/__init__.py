"""What came out of a claim: its runs are done and judged, and `RESULTS.md` is written."""
