"""Filling the holes of pictures with a trained generator."""
