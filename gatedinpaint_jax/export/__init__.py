"""Exports the generator to other runtimes."""
