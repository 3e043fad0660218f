"""Makes the data of `configs/elevation.py` and `configs/six_bands.py`.

  python benchmarks/example_data.py --kind=elevation --output=elevation
  python benchmarks/example_data.py --kind=six_bands --output=six_bands

  elevation  heights in metres, int16, of a grid of 3 arc seconds (about 90 m)
             in Tennessee, which Matplotlib brings among its sample data
  six_bands  reflectance in six bands, float32, of a scene that is made up
             (`landscape.py`), with clouds as NaN

The last 128 rows are held out: no pixel of theirs is trained on. Writes

  train.npz     overlapping tiles of 128 x 128 in four orientations
  held_out.npz  tiles of 64 x 64 without overlap
  held_out/     the same as files, TIFF or .npy
  clouds/       six_bands only: masks of clouds, a quarter of each of these
  cloudy/       six_bands only: the same files with NaN there

Prints one JSON line: shapes, types and ranges. docs/data.md shows the results.
"""

import pathlib

import command
import grids
import landscape
import machine
import numpy as np
import tifffile
from absl import flags
from PIL import Image

_KIND = flags.DEFINE_enum(
  "kind", None, ["elevation", "six_bands"], "Data to make."
)
_OUTPUT = flags.DEFINE_string("output", None, "Folder to write to.")

_SIDE = 64
# They overlap, and cover all 216 rows of the elevation grid.
_TRAINING_SIDE, _TRAINING_STEP = 128, 88
_SCENE = (640, 768)
_CLOUDS, _HELD_OUT_CLOUDS = 0.15, 0.25


def main(_):
  """Writes the files and prints one JSON line."""
  output = pathlib.Path(_OUTPUT.value)
  if _KIND.value == "elevation":
    training, held_out = grids.split(grids.read_elevation())
    write = _write_elevation
  else:
    training, held_out = grids.split(landscape.draw(*_SCENE, seed=0))
    clouds = landscape.draw_clouds(*training.shape[:2], share=_CLOUDS, seed=1)
    training[clouds] = np.nan
    write = _write_scenes
  images = grids.turn(grids.cut(training, _TRAINING_SIDE, step=_TRAINING_STEP))
  tiles = grids.cut(held_out, _SIDE, step=_SIDE)
  (output / "held_out").mkdir(parents=True, exist_ok=True)
  np.savez(output / "train.npz", images=images)
  np.savez(output / "held_out.npz", images=tiles)
  write(output, tiles)
  result = {"kind": _KIND.value} | {
    name: {
      "shape": pixels.shape,
      "dtype": str(pixels.dtype),
      "range": [float(np.nanmin(pixels)), float(np.nanmax(pixels))],
      "missing": round(float(np.isnan(pixels).any(axis=-1).mean()), 3),
    }
    for name, pixels in (("train", images), ("held_out", tiles))
  }
  machine.report("example_data", result, ["numpy"])


def _write_elevation(output, tiles):
  for i, tile in enumerate(tiles):
    tifffile.imwrite(output / "held_out" / f"{i:02}.tif", tile[..., 0])


def _write_scenes(output, tiles):
  for name in ("clouds", "cloudy"):
    (output / name).mkdir(exist_ok=True)
  for i, tile in enumerate(tiles):
    clouds = landscape.draw_clouds(
      *tile.shape[:2], share=_HELD_OUT_CLOUDS, seed=100 + i
    )
    cloudy = np.where(clouds[..., None], np.float32(np.nan), tile)
    np.save(output / "held_out" / f"{i:02}.npy", tile)
    np.save(output / "cloudy" / f"{i:02}.npy", cloudy)
    mask = Image.fromarray(np.uint8(255 * clouds))
    mask.save(output / "clouds" / f"{i:02}.png")


if __name__ == "__main__":
  command.run(main, required=["kind", "output"])
