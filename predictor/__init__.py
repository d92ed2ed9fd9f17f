"""Penguin Predictor: predicts a penguin's species, as a Cloud Run function."""

__version__ = "0.1.0"
