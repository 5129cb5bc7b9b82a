"""Export of defended SavedModels; everything here needs TensorFlow.

The program is `python -m revsig_keras.export`.
"""
from revsig_keras.export.config import ExportConfig
from revsig_keras.export.exporting import export
from revsig_keras.export.exporting import Exported
from revsig_keras.export.versions import publish
from revsig_keras.strength.cost_limits import CostLimits

__all__ = ["CostLimits", "ExportConfig", "Exported", "export", "publish"]
