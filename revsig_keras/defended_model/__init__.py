"""The wrapper whose predictions are defended, and its checks of the wrapped model."""
