"""State, objectives, the step, and what surrounds it."""
