"""SavedModels: files, graphs, signatures, and the inspection for leaks."""
