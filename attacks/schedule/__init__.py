"""Which cells run, at once or shared between processes."""
