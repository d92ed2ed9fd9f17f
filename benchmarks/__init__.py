"""Measurements: reported as ratios within one run, never asserted by tests."""
