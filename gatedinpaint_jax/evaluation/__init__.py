"""Scores methods on frozen masks, and writes reports and comparisons."""
