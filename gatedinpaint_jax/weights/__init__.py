"""Weights that come from elsewhere, and weights that go there."""
