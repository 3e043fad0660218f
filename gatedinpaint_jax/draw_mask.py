"""Lets a person draw a hole on a picture, in a notebook.

  mask = draw_mask.draw_mask(image)

In Colab it shows the editor of `draw_mask.html` and waits for its button Done.
Elsewhere a notebook cannot wait for its page, and the hole is a random one.
"""

import base64
import io
import json
import pathlib
import sys

import numpy as np
from PIL import Image

from gatedinpaint_jax.data import draws, hole_shapes, pillow_masks

_PAGE = pathlib.Path(__file__).with_suffix(".html")
# The picture is only a backdrop there, the mask has its own size.
_MOST_SHOWN_PIXELS = 1600


def draw_mask(image: np.ndarray, *, seed: int = 0) -> np.ndarray:
  """Returns the hole that a person draws on a picture; see the module.

  Args:
    image: `[H, W, 3] uint8`, RGB.
    seed: of the random strokes, where nobody can draw.

  Returns:
    `[H, W] uint8`, 255 = hole, 0 = known; what `Inpainter` takes.

  Raises:
    ValueError: if `image` is of another shape or type.
  """
  if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
    raise ValueError(
      f"image is {image.dtype} {image.shape}; it must be uint8 [H, W, 3]"
    )
  if "google.colab" in sys.modules:
    return _ask(image)
  print("Drawing works in Colab only; here the hole is of random strokes.")
  return _strokes(*image.shape[:2], seed)


def _ask(image) -> np.ndarray:
  """Shows the editor in the cell's output and waits for its mask."""
  from google.colab import output
  from IPython import display

  display.display(display.HTML(_page(image)))
  url = output.eval_js("window.drawnMask")
  png = base64.b64decode(url.partition(",")[2])
  with Image.open(io.BytesIO(png)) as mask:
    return np.array(mask.convert("L"))


def _page(image) -> str:
  """Returns the editor for a picture, a piece of HTML."""
  height, width = image.shape[:2]
  shown = Image.fromarray(image)
  shown.thumbnail((_MOST_SHOWN_PIXELS, _MOST_SHOWN_PIXELS))
  jpeg = io.BytesIO()
  shown.save(jpeg, "JPEG", quality=90)
  encoded = base64.b64encode(jpeg.getvalue()).decode("ascii")
  drawing = {
    "picture": f"data:image/jpeg;base64,{encoded}",
    "width": width,
    "height": height,
  }
  return _PAGE.read_text("utf-8").replace("__DRAWING__", json.dumps(drawing))


def _strokes(height, width, seed) -> np.ndarray:
  mask = pillow_masks.draw_mask(
    draws.NumpyDraws(np.random.default_rng(seed)),
    height,
    width,
    hole_shapes.Holes(kind="strokes"),
  )
  return mask[..., 0].astype(np.uint8) * 255
