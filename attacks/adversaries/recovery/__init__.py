"""Recovery of the victim's outputs from defended answers."""
