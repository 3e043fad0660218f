"""Free-form image inpainting with gated convolution, in JAX and Flax."""

__version__ = "0.1.0"
