"""Results on disk: one file per cell, with its provenance."""
