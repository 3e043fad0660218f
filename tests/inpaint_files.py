"""Small pictures and masks in files, and a run of `inpaint` on them."""

import numpy as np
from PIL import Image

from gatedinpaint_jax import inpaint

SIZE = (24, 32)


def write_mask(path, size=SIZE, level=255):
  mask = np.zeros(size, np.uint8)
  mask[: size[0] // 2, : size[1] // 2] = level
  path.parent.mkdir(exist_ok=True)
  Image.fromarray(mask).save(path)


def run(*arguments):
  return inpaint.main(["inpaint", *map(str, arguments)])


def read(path):
  return np.asarray(Image.open(path))
