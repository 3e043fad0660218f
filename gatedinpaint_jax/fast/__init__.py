"""What computes the same values as `layers`, quicker or in less memory."""
