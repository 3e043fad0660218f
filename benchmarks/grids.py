"""Cuts a grid of measurements into pictures to train on and to hold out."""

import importlib.util
import pathlib

import numpy as np

from gatedinpaint_jax import errors

_HELD_OUT_ROWS = 128


def read_elevation() -> np.ndarray:
  """Returns heights in metres, `[344, 403, 1] int16`, from Matplotlib's files.

  Raises:
    UserError: if Matplotlib is not installed.
  """
  package = importlib.util.find_spec("matplotlib")
  if package is None:
    raise errors.UserError(
      "the elevation grid is in Matplotlib, which is not installed; pip install"
      " matplotlib"
    )
  (folder,) = package.submodule_search_locations
  samples = pathlib.Path(folder) / "mpl-data" / "sample_data"
  with np.load(samples / "jacksboro_fault_dem.npz") as file:
    return file["elevation"][..., None]


def split(grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Returns the rows of a grid to train on, and the last ones, held out."""
  return grid[:-_HELD_OUT_ROWS], grid[-_HELD_OUT_ROWS:]


def cut(grid: np.ndarray, side: int, *, step: int) -> np.ndarray:
  """Returns the tiles `[N, side, side, C]` that fit, corners `step` apart."""
  rows, columns = (range(0, n - side + 1, step) for n in grid.shape[:2])
  return np.stack(
    [grid[y : y + side, x : x + side] for y in rows for x in columns]
  )


def turn(tiles: np.ndarray) -> np.ndarray:
  """Returns square tiles in four orientations: from above, all are natural.

  With `config.data.flip`, training sees their mirror images, too.
  """
  return np.concatenate([np.rot90(tiles, k, axes=(1, 2)) for k in range(4)])
