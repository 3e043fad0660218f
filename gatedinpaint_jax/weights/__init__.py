"""Reads weights of other programs, and writes them for others."""
