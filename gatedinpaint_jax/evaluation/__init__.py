"""Scores of methods on masks that never change, in reports and comparisons."""
