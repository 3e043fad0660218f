"""Small configs and picture files for the tests of the data pipeline."""

import io
import itertools
import pathlib
import runpy

import numpy as np
from PIL import Image

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax.data import build

_CONFIG = pathlib.Path(__file__).parent.parent / "configs" / "places2.py"


def config(path, *, source="folder", **data):
  """Returns the reference config for 16 x 24 pictures in batches of 4."""
  result = runpy.run_path(str(_CONFIG))["get_config"]()
  result.data.update(source=source, path=str(path), batch_size=4, **data)
  if "image_size" not in data:
    result.data.image_size = (16, 24)
  # Boxes are enough here, and strokes take a second to set up.
  result.mask.kind = "boxes"
  result.evaluation.update(pictures=0, batch_size=4)
  return result


def take(config, count, **rows):
  """Returns the first training batches of a config."""
  batches = build.find_pictures(config).batches(**rows)
  taken = [batch_lib.to_float(b) for b in itertools.islice(batches, count)]
  batches.close()
  return taken


def encoded(pixels, kind="JPEG", *, mode="RGB"):
  """Returns the bytes of a picture file."""
  file = io.BytesIO()
  Image.fromarray(pixels).convert(mode).save(file, kind)
  return file.getvalue()


def encode(pixels, kind="PNG", mode=None, **options):
  """Returns the bytes of a picture file, perhaps in another mode."""
  picture = Image.fromarray(pixels)
  if mode == "P":
    picture = picture.quantize()
  elif mode:
    picture = picture.convert(mode)
  file = io.BytesIO()
  picture.save(file, kind, **options)
  return file.getvalue()


def noise(height, width, seed=0):
  """Returns `[height, width, 3] uint8` pixels, smooth enough for JPEG."""
  generator = np.random.default_rng(seed)
  small = generator.integers(0, 256, (height // 4, width // 4, 3), np.uint8)
  return np.asarray(Image.fromarray(small).resize((width, height)))


def data(shape, dtype, seed=0):
  """Returns values of a type: all that there are, NaN and infinity included."""
  generator, dtype = np.random.default_rng(seed), np.dtype(dtype)
  if dtype.kind != "f":
    limits = np.iinfo(dtype)
    return generator.integers(limits.min, limits.max, shape, dtype, True)
  values = generator.normal(scale=1e4, size=shape).astype(dtype)
  values.flat[::41] = np.nan
  values.flat[1::97] = -np.inf
  return values


def write(path, size=(24, 32), seed=0):
  """Saves such noise as a picture file, and makes its folder."""
  path.parent.mkdir(parents=True, exist_ok=True)
  Image.fromarray(noise(*size, seed)).save(path)


def opened(path):
  """Returns what Pillow reads; nothing of the file stays open."""
  return Image.open(io.BytesIO(path.read_bytes()))


def write_numbered(folder, count, size=(16, 24)):
  """Writes pictures of one grey value each, 8 apart; see `numbers`."""
  for i in range(count):
    pixels = np.full((*size, 3), 8 * i, np.uint8)
    (folder / f"{i:03d}.png").write_bytes(encoded(pixels, "PNG"))
  return folder


def numbers(*batches):
  """Returns which of the numbered pictures are in the batches, in order."""
  floats = map(batch_lib.to_float, batches)
  corners = [np.asarray(batch.image)[:, 0, 0, 0] for batch in floats]
  values = (np.concatenate(corners) + 1) * 127.5 / 8
  return [round(float(value)) for value in values]


def assert_same(a, b):
  """Compares two batches to the bit."""
  for x, y in zip(a, b, strict=True):
    np.testing.assert_array_equal(x, y)


def assert_follows_the_convention(batch):
  """Checks a batch of `config`, unguided, against `batch.py`."""
  assert batch.image.shape == (4, 16, 24, 3)
  assert batch.mask.shape == (4, 16, 24, 1)
  assert batch.image.dtype == batch.mask.dtype == np.float32
  assert -1 <= batch.image.min() < -0.3 and 0.3 < batch.image.max() <= 1
  assert set(np.unique(batch.mask)) == {0, 1}
  assert batch.sketch is None
