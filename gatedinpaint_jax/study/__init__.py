"""A user study: the page that people rate pictures on, and its answers."""
