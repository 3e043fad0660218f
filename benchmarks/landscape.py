"""Scenes of a satellite with six bands, as farmland looks to one; all made up.

Fields of crops, stubble and bare soil, woods, a river and lakes, each with a
spectrum in the bands of Landsat: blue, green, red, near infrared and two of
shortwave infrared.
"""

import numpy as np

BANDS = ("blue", "green", "red", "nir", "swir1", "swir2")
# Reflectance of each band, rounded from what such surfaces have.
_WATER = (0.05, 0.05, 0.04, 0.02, 0.01, 0.01)
_WOOD = (0.03, 0.05, 0.03, 0.33, 0.15, 0.07)
_PATH = (0.09, 0.12, 0.14, 0.24, 0.28, 0.22)
_CROPS = (
  (0.03, 0.07, 0.04, 0.48, 0.20, 0.09),  # green
  (0.05, 0.09, 0.08, 0.33, 0.26, 0.15),  # meadow
  (0.09, 0.14, 0.18, 0.30, 0.40, 0.29),  # stubble
  (0.10, 0.14, 0.19, 0.26, 0.36, 0.31),  # bare soil
  (0.06, 0.08, 0.10, 0.15, 0.21, 0.18),  # wet soil
)
# (length, width) of a field and the width of the path around it, in pixels.
_FIELD = (26, 15)
_PATH_WIDTH = 1.2
_TURN = 0.4  # of the fields against the picture, in radians
_NOISE = 0.004  # of the detector


def draw(height: int, width: int, seed: int) -> np.ndarray:
  """Returns a scene, `[H, W, 6] float32` reflectance in [0, 1]."""
  draws = np.random.default_rng(seed)
  smooth = lambda scale: draw_smooth(draws, height, width, scale)
  scene = _draw_fields(draws, smooth, height, width)
  wood = smooth(18) > 0.9
  crowns = 1 + 0.15 * smooth(0.8)
  scene[wood] = (crowns[..., None] * np.array(_WOOD))[wood]
  scene *= 1 + 0.06 * smooth(40)[..., None]  # haze and slopes
  # Where a smooth field is near 0 runs a winding line.
  river, lake = np.abs(smooth(45)) < 0.05, smooth(14) > 2.3
  scene[river | lake] = _WATER
  scene += _NOISE * draws.standard_normal(scene.shape)
  return scene.clip(0, 1).astype(np.float32)


def draw_clouds(
  height: int, width: int, *, share: float, seed: int
) -> np.ndarray:
  """Returns where clouds hide this share of a scene, `[H, W] bool`."""
  density = draw_smooth(np.random.default_rng(seed), height, width, 7)
  return density > np.quantile(density, 1 - share)


def draw_smooth(draws, height, width, scale) -> np.ndarray:
  """Returns Gaussian noise of variance 1, smooth over `scale` pixels."""
  rows, columns = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)
  keep = np.exp(-2 * (np.pi * scale) ** 2 * (rows**2 + columns**2))
  noise = np.fft.fft2(draws.standard_normal((height, width)))
  noise = np.fft.ifft2(noise * keep).real
  return (noise - noise.mean()) / noise.std()


def _draw_fields(draws, smooth, height, width) -> np.ndarray:
  """Returns rows of fields, each of one crop, with paths between them."""
  y, x = np.mgrid[:height, :width]
  y, x = y + 3 * smooth(30), x + 3 * smooth(30)
  along = (x * np.cos(_TURN) + y * np.sin(_TURN)) / _FIELD[0]
  across = (y * np.cos(_TURN) - x * np.sin(_TURN)) / _FIELD[1]
  row = np.floor(across - across.min()).astype(int)
  along += draws.random(row.max() + 1)[row]  # fields of a row begin anywhere
  place = np.floor(along - along.min()).astype(int)
  count = (row.max() + 1, place.max() + 1)
  crop = draws.integers(len(_CROPS), size=count)[row, place]
  vigour = draws.normal(1, 0.08, count)[row, place] * (1 + 0.03 * smooth(1.5))
  scene = np.array(_CROPS)[crop] * vigour[..., None]
  edges = (along % 1 * _FIELD[0], across % 1 * _FIELD[1])
  scene[np.minimum(*edges) < _PATH_WIDTH] = _PATH
  return scene
