"""All programs read a mask alike, and as what a person drew."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from gatedinpaint_jax import errors
from gatedinpaint_jax.data import (
  hole_files,
  hole_shapes,
  photos,
  pillow_masks,
)
from gatedinpaint_jax.evaluation import cases
from tests import pictures

PIXELS = pictures.noise(24, 32)
HOLE = np.zeros((24, 32), bool)
HOLE[8:16, 8:24] = True
WHITE = HOLE * np.uint8(255)


def colour(rgb):
  return HOLE[..., None] * np.array(rgb, np.uint8)


def with_alpha(colours, alpha):
  return np.dstack([colours, alpha]).astype(np.uint8)


CORNER = np.full((24, 32), 255)
CORNER[:2, :2] = 0
TURNED = Image.Exif()
TURNED[0x0112] = 6
MASKS = {
  "turned by its Exif data": pictures.encode(np.rot90(WHITE), exif=TURNED),
  "white": pictures.encode(WHITE),
  "white in a palette": pictures.encode(WHITE, mode="P"),
  "white in 1 bit": pictures.encode(WHITE, mode="1"),
  "white in 16 bits": pictures.encode(HOLE * np.uint16(65535)),
  "white in an animated webp": pictures.encode(
    WHITE, "WEBP", "RGB", save_all=True, append_images=[Image.fromarray(WHITE)]
  ),
  "green": pictures.encode(colour([0, 255, 0])),
  "yellow": pictures.encode(colour([255, 255, 0])),
  "red on transparent ground": pictures.encode(
    with_alpha(np.dstack([WHITE, 0 * WHITE, 0 * WHITE]), WHITE)
  ),
  "black on transparent ground": pictures.encode(
    with_alpha(np.zeros((24, 32, 3)), WHITE)
  ),
  "white with transparent corner": pictures.encode(
    with_alpha(np.dstack([WHITE] * 3), CORNER)
  ),
}
NO_MASKS = {
  "labels": (
    pictures.encode(HOLE.astype(np.uint8)),
    "1; hole is 128 and",
  ),
  "red": (pictures.encode(colour([255, 0, 0])), "76; hole is 128 and above"),
  "a class of Pascal VOC": (
    pictures.encode(colour([128, 0, 0])),
    "38; hole",
  ),
  "labels in 16 bits": (
    pictures.encode(HOLE.astype(np.uint16)),
    "1; hole is 32768 and above, up to 65535",
  ),
  "8 bits in 16": (
    pictures.encode(HOLE * np.uint16(255)),
    "255; hole is",
  ),
  "grey": (pictures.encode(WHITE // 16 + 100), "grey all over"),
  "a text": (b"a text", "not a picture"),
}


def read_by_inpaint(path):
  return hole_files.read_mask(path, HOLE.shape)


def read_by_evaluate(path):
  case = cases.Case(0, "a", path, path)
  return cases.Loader(None).hole(case, HOLE.shape)


def read_by_training(path):
  data = tf.data.Dataset.from_tensors(path.read_bytes())
  holes = data.map(lambda x: photos.decode_mask(x, *HOLE.shape, invert=False))
  return holes.get_single_element().numpy()


def read_by_training_on_arrays(path):
  holes = hole_shapes.Holes(kind="files", flip=False, paths=(str(path),))
  draws = np.random.default_rng(0)
  return pillow_masks.draw_mask(draws, *HOLE.shape, holes)[..., 0] > 0


READERS = (
  read_by_inpaint,
  read_by_evaluate,
  read_by_training,
  read_by_training_on_arrays,
)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("kind", MASKS)
def test_mask_is_what_a_person_drew(kind, read, tmp_path):
  path = tmp_path / "a.png"
  path.write_bytes(MASKS[kind])
  np.testing.assert_array_equal(read(path), HOLE)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("kind", NO_MASKS)
def test_what_is_no_mask_is_refused_with_its_own_values(kind, read, tmp_path):
  path = tmp_path / "a.png"
  data, words = NO_MASKS[kind]
  path.write_bytes(data)
  with pytest.raises((errors.UserError, tf.errors.OpError)) as caught:
    read(path)
  assert words in str(caught.value)


@pytest.mark.parametrize("source", ["folder", "arrays"])
def test_training_does_not_begin_with_masks_without_holes(tmp_path, source):
  pictures.write(tmp_path / "photos" / "a.png")
  path = tmp_path / "photos"
  if source == "arrays":
    path = tmp_path / "a.npz"
    np.savez(path, images=PIXELS[None])
  masks = tmp_path / "masks"
  masks.mkdir()
  (masks / "b.png").write_bytes(NO_MASKS["labels"][0])
  with pytest.raises(errors.UserError, match=r"mask\.path: .*b\.png: its bri"):
    config = pictures.config(path, source=source)
    config.mask.update(kind="files", path=str(masks))
    pictures.take(config, 1)
