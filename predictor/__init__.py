"""Penguin Predictor: tells a penguin's species from six measurements."""

__version__ = "0.1.0"
