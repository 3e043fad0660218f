"""The methods that the paper compares with: networks, losses, training step."""
