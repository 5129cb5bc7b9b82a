"""Chooses the strength of a defence by what each strength costs honest users."""
from revsig_keras.strength.choice import StrengthChoice
from revsig_keras.strength.choose import choose_strength
from revsig_keras.strength.row import StrengthRow

__all__ = ["StrengthChoice", "StrengthRow", "choose_strength"]
