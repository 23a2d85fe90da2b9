"""Accuracy of the default recipe."""
