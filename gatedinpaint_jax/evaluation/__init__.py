"""Methods beside each other, on masks that never change, in one report."""
