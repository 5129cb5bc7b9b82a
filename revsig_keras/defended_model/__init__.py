"""A classifier whose predictions are defended."""
from revsig_keras.defended_model.model import DefendedModel

__all__ = ["DefendedModel"]
