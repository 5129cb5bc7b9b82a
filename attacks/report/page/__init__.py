"""The report as a page for the person who must decide and did not run it."""
