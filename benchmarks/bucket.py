"""How much filled pixels change when pictures are padded to larger multiples.

  python benchmarks/bucket.py --checkpoint=DIR --images=FOLDER

Crops each photo to a side between 192 and 320 that is a multiple of 8, cuts a
hole of a third of each side, and fills it at the exact size and in buckets.
Prints one JSON line for each bucket: how far its filled pixels are from those
of the exact size (the mean of a picture: mean, median, least and greatest of
all pictures), and both from the photo, in levels of 255.
"""

import pathlib

import command
import machine
import medians
import numpy as np
from absl import flags, logging
from PIL import Image

from gatedinpaint_jax import Inpainter, errors

_CHECKPOINT = flags.DEFINE_string(
  "checkpoint", None, "the workdir whose model to use."
)
_IMAGES = flags.DEFINE_string("images", None, "a folder of .jpg photos.")
_BUCKETS = command.sides("buckets", [32, 64, 128], "To compare.")
_PICTURES = command.whole("pictures", 24, "How many photos to use.")


def main(_):
  """Measures and prints a JSON line for each bucket."""
  logging.set_verbosity(logging.WARNING)  # checkpointing prints 20 lines a load
  pictures = list(_make_pictures())
  exact = Inpainter.from_checkpoint(_CHECKPOINT.value)
  completed = [_fill(exact, *picture) for picture in pictures]
  for bucket in _BUCKETS.value:
    inpainter = Inpainter.from_checkpoint(_CHECKPOINT.value, bucket=bucket)
    padded = [_fill(inpainter, *picture) for picture in pictures]
    changes = [
      float(np.abs(a - b).mean())
      for a, b in zip(padded, completed, strict=True)
    ]
    sizes = {inpainter.padded_size(*mask.shape) for _, mask in pictures}
    result = {
      "bucket": bucket,
      "pictures": len(pictures),
      "programs": len(sizes),
      "programs_exact": len({mask.shape for _, mask in pictures}),
      "mean_change": round(float(np.mean(changes)), 2),
      "change_of_a_picture": medians.summarize(changes, digits=2),
      "error_exact": _error(completed, pictures),
      "error_in_buckets": _error(padded, pictures),
    }
    machine.report("bucket", result, ["jax", "jaxlib", "numpy"])


def _make_pictures():
  """Yields (picture, mask) of random sizes."""
  draw = np.random.default_rng(2018)
  files = sorted(pathlib.Path(_IMAGES.value).glob("*.jpg"))
  if not files:
    raise errors.UserError(
      f"--images={_IMAGES.value}: must be a folder with .jpg files"
    )
  for file in files[: _PICTURES.value]:
    image = np.asarray(Image.open(file).convert("RGB"))
    height, width = (
      min(8 * int(draw.integers(24, 41)), side // 8 * 8)
      for side in image.shape[:2]
    )
    mask = np.zeros((height, width), bool)
    top = draw.integers(0, height - height // 3)
    left = draw.integers(0, width - width // 3)
    mask[top : top + height // 3, left : left + width // 3] = True
    yield image[:height, :width], mask


def _fill(inpainter, image, mask):
  """Returns the filled pixels alone, as numbers that can be subtracted."""
  return inpainter(image, mask)[mask].astype(np.float32)


def _error(filled, pictures) -> float:
  """Returns the mean distance to the photos, in levels."""
  distances = [
    np.abs(levels - image[mask].astype(np.float32)).mean()
    for levels, (image, mask) in zip(filled, pictures, strict=True)
  ]
  return round(float(np.mean(distances)), 2)


if __name__ == "__main__":
  command.run(main, required=("checkpoint", "images"))
