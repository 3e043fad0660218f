"""How well large pictures are filled, by each way and without a model.

  python benchmarks/large_pictures.py --checkpoint=DIR --images=FOLDER \
      [--sides=1024,2048] [--ways=detail,enlarged,opencv_telea] [--show=DIR]

Each photo is reduced to the longer side, and passed over if it is smaller. Its
hole is that of `evaluate`, of strokes or one box, with less than 30 % of the
picture, one in three below 10, 20 and 30 %. Ways:

  exact, detail, crop   as `inpaint --large`; exact up to 1024 pixels alone
  enlarged              filled at the size that detail sees, and enlarged
  other names           of `inpaint --method`

Prints one JSON line for each side, kind of hole and way, with means over the
photos: of the hole, l1 in percent of the range, PSNR in dB, and `sharpness`,
the total variation divided by that of the photo; LPIPS of the whole picture
(with --lpips); `seam`, the mean difference of neighbours across the rim divided
by that of neighbours within 8 pixels around it, and that of the photo itself;
and seconds.

--show writes the photo, the hole and each result as PNG. `--page` draws the
first three photos of the last side in one picture, at 100 %: around the middle
one of the pixels of their holes of strokes, what is known, what `enlarged` and
`detail` fill, and the photo.
"""

import itertools
import pathlib
import time

import command
import machine
import numpy as np
from absl import flags, logging
from PIL import Image
from scipy import ndimage

from gatedinpaint_jax import Inpainter, errors
from gatedinpaint_jax.evaluation import frozen_masks, methods
from gatedinpaint_jax.inference import large_pictures
from gatedinpaint_jax.metrics import image_quality, perceptual

_CHECKPOINT = flags.DEFINE_string(
  "checkpoint", None, "the workdir whose model to use."
)
_IMAGES = flags.DEFINE_string("images", None, "a folder of .jpg photos.")
_SIDES = command.sides("sides", [1024, 2048], "Longer sides in pixels.")
_WAYS = command.names(
  "ways",
  ["exact", "detail", "enlarged", "opencv_telea"],
  ["exact", "detail", "crop", "enlarged", *methods.NAMES],
  "To compare.",
)
_LPIPS = flags.DEFINE_bool("lpips", False, "Also compute LPIPS.")
_SHOW = flags.DEFINE_string("show", None, "Folder for the pictures, if any.")
_PAGE = flags.DEFINE_string("page", None, "Picture to draw, if any.")

_MOST_EXACT_SIDE = 1024
_AROUND = 8  # pixels
_BINS = 3  # of hole fractions, of 10 % each
_ON_PAGE = 3
_PART = (288, 384)  # rows and columns of a part on the page


def main(_):
  """Fills and scores all photos and prints a JSON line for each way."""
  logging.set_verbosity(logging.WARNING)
  files = sorted(pathlib.Path(_IMAGES.value).glob("*.jpg"))
  if not files:
    raise errors.UserError(
      f"--images={_IMAGES.value}: must be a folder with .jpg files"
    )
  lpips = perceptual.load() if _LPIPS.value else None
  ways = {name: _make(name) for name in _WAYS.value}
  for side in _SIDES.value:
    for kind in frozen_masks.KINDS:
      cases = list(_cases(files, side, kind))
      for name, fill in ways.items():
        if cases and not (name == "exact" and side > _MOST_EXACT_SIDE):
          scores = [_score(fill, name, *case, lpips) for case in cases]
          result = {"side": side, "holes": kind, "way": name}
          result["photos"] = len(cases)
          for key in scores[0]:
            result[key] = round(float(np.mean([s[key] for s in scores])), 4)
          packages = ["jax", "jaxlib", "numpy"]
          machine.report("large_pictures", result, packages)
  if _PAGE.value:
    cases = _cases(files, _SIDES.value[-1], frozen_masks.KINDS[0])
    fills = [_make(name) for name in ("enlarged", "detail")]
    rows = [
      _parts(image, hole, fills)
      for _, image, hole in itertools.islice(cases, _ON_PAGE)
    ]
    Image.fromarray(np.concatenate(rows)).save(_PAGE.value, quality=85)


def _parts(image, hole, fills):
  """Returns parts of a picture at full size, beside each other."""
  middle = np.argwhere(hole)[hole.sum() // 2]
  window = tuple(
    slice(start, start + length)
    for at, length, side in zip(middle, _PART, hole.shape, strict=True)
    for start in [min(max(at - length // 2, 0), side - length)]
  )
  grey = np.where(hole[..., None], np.uint8(128), image)
  shown = [grey, *(fill(image, hole) for fill in fills), image]
  return np.concatenate([x[window] for x in shown], axis=1)


def _cases(files, side, kind):
  """Yields (name, photo, hole) of the photos that are large enough."""
  for index, file in enumerate(files):
    with Image.open(file) as photo:
      if max(photo.size) < side:
        continue
      share = side / max(photo.size)
      size = [round(share * length) for length in photo.size]
      image = np.asarray(photo.convert("RGB").resize(size, Image.LANCZOS))
    # Masks come in the order of six bins, of which the first are taken.
    number = len(frozen_masks.BINS) * (index // _BINS) + index % _BINS
    hole = frozen_masks.MaskSet(kind).mask(number, *image.shape[:2])
    yield f"{file.stem}_{side}_{kind}", image, hole


def _make(name):
  """Returns a function from a picture and its hole to the filled picture."""
  if name in methods.NAMES:
    return methods.load(name)
  if name != "enlarged":
    return Inpainter.from_checkpoint(_CHECKPOINT.value, large=name)
  inpainter = Inpainter.from_checkpoint(_CHECKPOINT.value, large="exact")

  def fill(image, hole):
    plan = large_pictures.choose(hole, "detail")
    factor = plan.parts[0].factor
    small = np.asarray(Image.fromarray(image).reduce(factor))
    # A reduced pixel is unknown if any of its pixels is.
    covered = ndimage.maximum_filter(hole, factor, mode="constant")
    rows, columns = (
      np.minimum(np.arange(count) * factor + factor // 2, side - 1)
      for count, side in zip(small.shape, hole.shape, strict=False)
    )
    filled = inpainter(small, covered[np.ix_(rows, columns)])
    size = filled.shape[1] * factor, filled.shape[0] * factor
    enlarged = Image.fromarray(filled).resize(size, Image.BICUBIC)
    enlarged = np.asarray(enlarged)[: len(hole), : hole.shape[1]]
    return np.where(hole[..., None], enlarged, image)

  return fill


def _score(fill, name, case, image, hole, lpips) -> dict[str, float]:
  started = time.perf_counter()
  filled = fill(image, hole)
  seconds = time.perf_counter() - started
  if _SHOW.value:
    folder = pathlib.Path(_SHOW.value)
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(filled).save(folder / f"{case}_{name}.png")
    Image.fromarray(image).save(folder / f"{case}.png")
    Image.fromarray(hole).save(folder / f"{case}_hole.png")
  to_float = lambda x: (x[None] / 127.5 - 1).astype(np.float32)
  mask = hole[None, ..., None].astype(np.float32)
  pair = to_float(filled), to_float(image)
  variation, own = (image_quality.total_variation(x, mask=mask) for x in pair)
  scores = {
    "l1_percent": 100 * image_quality.l1(*pair, mask=mask),
    "psnr": image_quality.psnr(*pair, mask=mask),
    "sharpness": variation / own,
    "seam": _seam(filled, hole),
    "seam_of_photo": _seam(image, hole),
    "seconds": seconds,
  }
  if lpips:
    scores["lpips"] = lpips(filled, image)
  return {key: float(np.squeeze(score)) for key, score in scores.items()}


def _seam(image, hole) -> float:
  ring = ndimage.binary_dilation(hole, iterations=_AROUND) & ~hole
  across, around = [], []
  for x, h, r in ((image, hole, ring), (image.swapaxes(0, 1), hole.T, ring.T)):
    difference = np.abs(x[1:].astype(np.int16) - x[:-1]).mean(axis=-1)
    across.append(difference[h[1:] != h[:-1]])
    around.append(difference[r[1:] & r[:-1]])
  return np.concatenate(across).mean() / np.concatenate(around).mean()


if __name__ == "__main__":
  command.run(main, required=("checkpoint", "images"))
