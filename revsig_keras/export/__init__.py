"""Export of defended SavedModels; everything here needs TensorFlow.

The program is `python -m revsig_keras.export`.
"""
from revsig_keras.export.exporting import export
from revsig_keras.export.exporting import ExportConfig
from revsig_keras.export.exporting import Exported
from revsig_keras.export.versions import publish

__all__ = ["ExportConfig", "Exported", "export", "publish"]
