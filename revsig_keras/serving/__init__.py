"""Defended SavedModels: how they are written, and what they give away.

Everything here needs TensorFlow. The programs are `python -m revsig_keras.export` and
`python -m revsig_keras.inspect`.
"""
