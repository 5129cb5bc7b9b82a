"""The claims of the paper (arXiv 1806.00054): for each its runs, and the criterion that decides."""
