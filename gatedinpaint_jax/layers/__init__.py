"""The parts that the networks are built of."""
