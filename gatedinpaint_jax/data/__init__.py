"""Pictures, masks and sketches, as batches."""
