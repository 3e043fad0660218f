"""From a picture with a hole to a whole one."""
