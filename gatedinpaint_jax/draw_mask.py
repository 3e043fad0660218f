"""Lets the user of a notebook draw a mask on a picture.

  mask = draw_mask.ask_for_mask(image)

In Colab it shows the editor of `draw_mask.html` and waits for its Done button.
Other notebooks cannot wait for the page; there the mask is random.
"""

import base64
import io
import json
import pathlib
import sys

import numpy as np
from PIL import Image

from gatedinpaint_jax.data import hole_shapes, pillow_masks

_PAGE = pathlib.Path(__file__).with_suffix(".html")
# The picture is only a backdrop in the editor; the mask has the full size.
_MAX_SHOWN_SIDE = 1600


def ask_for_mask(image: np.ndarray, *, seed: int = 0) -> np.ndarray:
  """Returns the mask that the user draws on a picture, `[H, W, 3] uint8`.

  The mask is `[H, W] uint8`, 255 = hole. `seed` is of the random strokes.
  """
  if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
    raise ValueError(
      f"image is {image.dtype} {image.shape}; must be uint8 [H, W, 3]"
    )
  if "google.colab" in sys.modules:
    return _show_editor(image)
  print("Drawing works only in Colab; using a mask of random strokes instead.")
  mask = pillow_masks.draw_mask(
    np.random.default_rng(seed),
    *image.shape[:2],
    hole_shapes.Holes(kind="strokes"),
  )
  return 255 * mask[..., 0]


def _show_editor(image) -> np.ndarray:
  """Shows the editor in the cell's output and waits for the mask."""
  from google.colab import output
  from IPython import display

  display.display(display.HTML(_page(image)))
  url = output.eval_js("window.drawnMask")
  png = base64.b64decode(url.partition(",")[2])
  with Image.open(io.BytesIO(png)) as mask:
    return np.array(mask.convert("L"))


def _page(image) -> str:
  height, width = image.shape[:2]
  shown = Image.fromarray(image)
  shown.thumbnail((_MAX_SHOWN_SIDE, _MAX_SHOWN_SIDE))
  jpeg = io.BytesIO()
  shown.save(jpeg, "JPEG", quality=90)
  encoded = base64.b64encode(jpeg.getvalue()).decode("ascii")
  drawing = {
    "picture": f"data:image/jpeg;base64,{encoded}",
    "width": width,
    "height": height,
  }
  return _PAGE.read_text("utf-8").replace("__DRAWING__", json.dumps(drawing))
