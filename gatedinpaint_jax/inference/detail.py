"""Fills large pictures at a small size, with detail copied at full size.

The generator fills a picture reduced by a whole factor. Its completion is
enlarged. What the reduction took from the picture, its *detail*, is then copied
into the hole, patch by patch, from where the attention copied and with all of
its weights. At last the rim of the hole is joined to the known pixels.

Time and memory grow with the area of the picture.

Source: Yi et al. 2020 (Contextual Residual Aggregation for Ultra
High-Resolution Image Inpainting), section 3.2, with the patches of this
attention; the rim is joined as in Perez et al. 2003 (Poisson Image Editing).
"""

import math
from collections.abc import Callable

import numpy as np
from PIL import Image
from scipy import ndimage

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax.fast import pixel_attention
from gatedinpaint_jax.inference import fit_size, memory

# A place is a square of 8 x 8 pixels of the reduced picture; its patch reaches
# half of one beyond it on each side.
_PLACE = batch_lib.SIZE_MULTIPLE
# Of all sources of a pixel together, where four patches overlap 4 at most.
# Below it, detail fades out.
_LEAST_WEIGHT = 1e-3
# Smoothings at each scale, of the difference that is continued into the hole.
_SMOOTHINGS = 4


def fill(
  predict: Callable,
  image: np.ndarray,
  unknown: np.ndarray,
  line: np.ndarray | None,
  factor: int,
) -> np.ndarray:
  """Predicts a picture of which the generator sees a reduced one.

  Args:
    predict: takes `[1, h, w, C] float32`, holes `[1, h, w] bool` and lines,
      likewise or None, and returns a `GeneratorOutput` with attention, of this
      size or padded.
    image: `[H, W, C] float32 in [-1, 1]`, finite.
    unknown: `[H, W] bool`, to fill.
    line: likewise, for guided generators, else None.
    factor: h = H / factor, rounded up, and likewise w.

  Returns:
    `[H, W, C] float32 in [-1, 1]`, the prediction where pixels are unknown.

  Raises:
    UserError: if the host has too little memory.
  """
  height, width = unknown.shape
  reduced = [-(-side // factor) for side in unknown.shape]
  places = [side // _PLACE for side in fit_size.round_up(reduced)]
  # Squares are the largest of all arrays.
  sides = [(count + 1) * _PLACE * factor for count in places]
  memory.check_fits_with_detail(*sides, image.shape[2])
  size = [side * factor for side in reduced]
  if line is not None:
    line = fit_size.pad((line & unknown)[None], *size)[0]
    line = _blocks(line, factor).any(axis=(1, 3))[None]
  image, unknown = (fit_size.pad(x[None], *size)[0] for x in (image, unknown))
  small, share_known = _reduce(image, ~unknown, factor)
  is_known = share_known == 1
  output = predict(small[None], ~is_known[None], line)
  predicted = np.asarray(output.refined)[0, : reduced[0], : reduced[1]]
  # Pixels of which only a part was known were predicted, too.
  small += (1 - share_known[..., None]) * (predicted - small)
  filled = _enlarge(small, factor)
  detail = image - filled
  detail *= is_known.repeat(factor, axis=0).repeat(factor, axis=1)[..., None]
  filled += _copy(detail, is_known, output.attention, places, factor)
  if factor > 1:  # else the rim is that of the exact fill
    _join(filled, image, unknown)
  return np.clip(filled[:height, :width], -1, 1)


def _reduce(image, known, factor) -> tuple[np.ndarray, np.ndarray]:
  """Returns means of known pixels `[h, w, C]`, and which share is known."""
  share = _blocks(known.astype(np.float32), factor).mean(axis=(1, 3))
  mean = _blocks(image * known[..., None], factor).mean(axis=(1, 3))
  return mean / np.maximum(share, 1 / factor**2)[..., None], share


def _enlarge(small, factor) -> np.ndarray:
  height, width, _ = small.shape
  size = (width * factor, height * factor)
  planes = [
    Image.fromarray(plane).resize(size, Image.BICUBIC)
    for plane in np.moveaxis(small, -1, 0)
  ]
  return np.stack(planes, axis=-1)


def _copy(detail, is_known, attention, places, factor) -> np.ndarray:
  """Returns the detail `[H, W, C]` of the sources of each place.

  Only where a square has unknown pixels, else 0. Squares are those of
  `layers.patches`, 8 x 8 pixels of the reduced picture; `places` are the rows
  and columns of the attention.
  """
  weights = np.asarray(pixel_attention.square_weights(attention, *places))
  weights = weights.reshape(math.prod(weights.shape[1:3]), -1)
  is_source = _to_squares(is_known, places, _PLACE)
  wanted = _to_squares(~is_known, places, _PLACE).any(axis=1)
  used = is_source.any(axis=1)
  weights = weights[np.ix_(wanted, used)]
  total = weights @ is_source[used].astype(np.float32)
  found = _to_squares(detail, places, _PLACE * factor)
  copied = weights @ found[used]
  total = total.reshape(-1, _PLACE, 1, _PLACE, 1, 1)
  shape = (len(copied), _PLACE, factor, _PLACE, factor, detail.shape[-1])
  copied = copied.reshape(shape) / np.maximum(total, _LEAST_WEIGHT)
  found[:] = 0
  found[wanted] = copied.reshape(len(copied), -1)
  return _from_squares(found, places, detail.shape)


def _to_squares(x, places, side) -> np.ndarray:
  """Returns `[(h + 1) * (w + 1), side * side * C]` of `[H, W, ...]`.

  Half a square of zeros lies around the picture, and more below and on the
  right, if it is smaller than its places.
  """
  height, width, *rest = x.shape
  size = [(count + 1) * side for count in places]
  padded = np.zeros((*size, *rest), x.dtype)
  start = side // 2
  padded[start : start + height, start : start + width] = x
  squares = _blocks(padded, side).swapaxes(1, 2)
  return squares.reshape(math.prod(squares.shape[:2]), -1)


def _from_squares(squares, places, shape) -> np.ndarray:
  """Returns the picture of a shape `[H, W, C]` again."""
  height, width, channels = shape
  rows, columns = (count + 1 for count in places)
  side = math.isqrt(squares.shape[1] // channels)
  x = squares.reshape(rows, columns, side, side, channels)
  x = x.swapaxes(1, 2).reshape(rows * side, columns * side, channels)
  start = side // 2
  return x[start : start + height, start : start + width]


def _join(filled, image, unknown) -> None:
  """Makes a fill go on from the known pixels at the rim of the hole.

  Adds the smoothest function that, at the rim, is the difference of the known
  pixels to what their neighbours were filled with.
  """
  window = tuple(
    slice(max(0, found.min() - 1), found.max() + 2)
    for found in np.nonzero(unknown)
  )
  hole = unknown[window][..., None]
  around = lambda x: ndimage.uniform_filter(x, (3, 3, 1), mode="constant")
  share = around(hole.astype(np.float32))
  is_rim = ~hole & (share > 0.1)  # of 9 pixels, at least one
  neighbours = around(filled[window] * hole) / np.where(is_rim, share, 1)
  difference = (image[window] - neighbours) * is_rim
  filled[window] += hole * _continue(difference, is_rim[..., 0])


def _continue(x, known) -> np.ndarray:
  """Continues `[H, W, C]` smoothly to where it is not known, and is 0.

  An approximate solution of Laplace's equation, from coarse to fine.
  """
  if known.all() or not known.any():
    return x
  coarse, share = _halve(x, known)
  coarse = _continue(coarse, share > 0)
  height, width = known.shape
  continued = coarse.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
  is_known = known[..., None]
  continued = np.where(is_known, x, continued)
  for _ in range(_SMOOTHINGS):
    smooth = ndimage.uniform_filter(continued, (3, 3, 1), mode="nearest")
    continued = np.where(is_known, x, smooth)
  return continued


def _halve(x, known):
  """Returns the means of known pixels of 2 x 2, and the share of these."""
  odd = [(0, side % 2) for side in known.shape]
  return _reduce(np.pad(x, [*odd, (0, 0)]), np.pad(known, odd), 2)


def _blocks(x, side) -> np.ndarray:
  """Returns a view `[h, side, w, side, ...]` of `[h * side, w * side, ...]`."""
  height, width, *rest = x.shape
  return x.reshape(height // side, side, width // side, side, *rest)
