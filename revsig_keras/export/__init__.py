"""Export of defended SavedModels."""
