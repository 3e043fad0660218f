"""A user study: the page for rating pictures, and its evaluation."""
