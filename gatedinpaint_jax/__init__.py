"""Free-form image inpainting with gated convolution, in JAX and Flax."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
  from gatedinpaint_jax.inference.inpainter import Inpainter

__version__ = "0.1.0"
__all__ = ["Inpainter"]


def __getattr__(name: str) -> Any:
  """Loads `Inpainter`, and JAX with it, when it is first asked for."""
  if name == "Inpainter":
    from gatedinpaint_jax.inference import inpainter

    return inpainter.Inpainter
  raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
