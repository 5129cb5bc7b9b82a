"""Tables, figures and sentences, made from results alone."""

from attacks.report.results import Results

__all__ = ["Results"]
