"""Any JSON over HTTP, by a template of requests and a path to the scores in answers."""
