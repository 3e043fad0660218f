"""The methods that the paper compares with, on the rails of its own."""
