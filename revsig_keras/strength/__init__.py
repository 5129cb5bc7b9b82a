"""Chooses the strength of a defence by what each strength costs honest users."""
from revsig_keras.strength.choose import choose_strength
from revsig_keras.strength.code_choice import CodeChoice
from revsig_keras.strength.code_row import CodeRow
from revsig_keras.strength.setting_choice import SettingChoice
from revsig_keras.strength.setting_row import SettingRow
from revsig_keras.strength.strength_choice import StrengthChoice
from revsig_keras.strength.strength_row import StrengthRow

__all__ = [
    "CodeChoice", "CodeRow", "SettingChoice", "SettingRow", "StrengthChoice", "StrengthRow",
    "choose_strength"
]
