"""Masks and sketches mean what a person drew, in files of any kind."""

import numpy as np
import pytest
from PIL import Image

from gatedinpaint_jax import errors
from gatedinpaint_jax.data import hole_files, photo_files

SIZE = (24, 32)
HOLE = np.zeros(SIZE, bool)
HOLE[8:16, 8:24] = True
WHITE_HOLE = HOLE * np.uint8(255)


def save(plane, path, mode=None, **options):
  picture = Image.fromarray(plane)
  (picture.convert(mode) if mode else picture).save(path, **options)
  return path


def read_mask(plane, tmp_path, size=SIZE, **options):
  path = save(np.asarray(plane, np.uint8), tmp_path / "mask.png")
  return hole_files.read_mask(path, size, **options)


def read_sketch(plane, tmp_path, size=SIZE, **options):
  path = save(np.asarray(plane, np.uint8), tmp_path / "sketch.png")
  return hole_files.read_sketch(path, size, **options)


@pytest.mark.parametrize(
  ("name", "mode"),
  [("a.png", "1"), ("a.png", "P"), ("a.webp", "RGB"), ("a.jpg", "CMYK")],
)
def test_white_is_hole_in_files_of_all_kinds(tmp_path, name, mode):
  path = save(WHITE_HOLE, tmp_path / name, mode)
  hole = hole_files.read_mask(path, SIZE)
  assert hole.dtype == bool
  np.testing.assert_array_equal(hole, HOLE)


def test_noise_of_jpeg_does_no_harm(tmp_path):
  hole = np.random.default_rng(0).random((6, 8)) > 0.5
  hole = np.kron(hole, np.ones((4, 4), bool))
  path = save(hole * np.uint8(255), tmp_path / "a.jpg", quality=30)
  assert len(np.unique(photo_files.read(path).grey)) > 10
  assert (hole_files.read_mask(path, SIZE) == hole).mean() > 0.98


def test_what_is_painted_on_transparent_ground_is_hole(tmp_path):
  # Its colour does not count: black, and white under the transparency.
  colours = np.where(HOLE[..., None], [0, 0, 0], [255, 255, 255])
  painted = np.dstack([colours, WHITE_HOLE]).astype(np.uint8)
  hole = read_mask(painted, tmp_path)
  np.testing.assert_array_equal(hole, HOLE)


@pytest.mark.parametrize("alpha", [0, 100, 255, "opaque with noise"])
def test_alpha_that_is_the_same_everywhere_does_not_count(tmp_path, alpha):
  low, high = (250, 256) if alpha == "opaque with noise" else (alpha, alpha + 1)
  alpha = np.random.default_rng(0).integers(low, high, SIZE)
  mask = np.dstack([WHITE_HOLE] * 3 + [alpha])
  np.testing.assert_array_equal(read_mask(mask, tmp_path), HOLE)


def test_hole_is_128_and_above(tmp_path):
  plane = np.zeros(SIZE)
  plane[0, :4] = 127, 128, 129, 255
  assert read_mask(plane, tmp_path)[0, :5].tolist() == [0, 1, 1, 1, 0]
  inverted = read_mask(plane, tmp_path, invert=True)
  assert inverted[0, :5].tolist() == [1, 0, 0, 0, 1]


@pytest.mark.parametrize("radius", [1, 2, 13])
def test_holes_grow_by_a_disc(tmp_path, radius):
  plane = np.zeros((41, 45))
  plane[20, 22] = 255
  hole = read_mask(plane, tmp_path, (41, 45), dilate=radius)
  rows, columns = np.mgrid[-20:21, -22:23]
  np.testing.assert_array_equal(hole, rows**2 + columns**2 <= radius**2)


def test_inverted_hole_grows_too_and_an_empty_one_stays_empty(tmp_path):
  plane = np.full(SIZE, 255)
  assert not read_mask(255 - plane, tmp_path, dilate=3).any()
  assert not read_mask(plane, tmp_path, dilate=3, invert=True).any()
  plane[12, 12] = 0
  assert read_mask(plane, tmp_path, dilate=1, invert=True).sum() == 5


@pytest.mark.parametrize("size", [(13, 50), (24, 32), (1, 1)])
def test_resized_mask_takes_the_nearest_pixel(tmp_path, size):
  plane = np.random.default_rng(0).integers(0, 2, SIZE) * 255
  hole = read_mask(plane, tmp_path, size, resize=True)
  centres = [
    (np.arange(wanted) + 0.5) * have / wanted
    for wanted, have in zip(size, SIZE, strict=True)
  ]
  rows, columns = (np.floor(c).astype(int) for c in centres)
  np.testing.assert_array_equal(hole, plane[rows][:, columns] > 0)


def test_other_size_is_refused_with_the_remedy(tmp_path):
  size = "is 32 wide and 24 high, its picture 30 wide and 24 high"
  with pytest.raises(
    errors.UserError, match=rf"mask\.png: the mask {size}; `resize_mask` scales"
  ):
    read_mask(WHITE_HOLE, tmp_path, (24, 30))
  with pytest.raises(errors.UserError, match=f"the sketch {size}") as caught:
    read_sketch(WHITE_HOLE, tmp_path, (24, 30))
  assert "resize_mask" not in str(caught.value)
  for resize in (False, True):  # which would squash it into place
    with pytest.raises(errors.UserError, match=r"swapped: .*turn the mask"):
      read_mask(WHITE_HOLE, tmp_path, SIZE[::-1], resize=resize)


@pytest.mark.parametrize("invert", [False, True])
def test_grey_all_over_is_no_mask(tmp_path, invert):
  plane = np.random.default_rng(0).integers(33, 223, SIZE)
  with pytest.raises(errors.UserError, match=r"grey all over \(values 33 to"):
    read_mask(plane, tmp_path, invert=invert)


def test_a_photo_of_full_contrast_passes_for_a_mask(tmp_path):
  plane = np.where(HOLE, 223, 33)
  np.testing.assert_array_equal(read_mask(plane, tmp_path), HOLE)


@pytest.mark.parametrize("brightest", [1, 127])
@pytest.mark.parametrize("invert", [False, True])
def test_mask_of_another_range_is_refused(tmp_path, brightest, invert):
  side = "known" if invert else "hole"
  expected = f"brightest value is {brightest}; {side} is 128 and above"
  with pytest.raises(errors.UserError, match=expected):
    read_mask(HOLE * brightest, tmp_path, invert=invert)


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("value", [0, 255])
def test_empty_and_full_masks_pass(tmp_path, value, invert):
  hole = read_mask(np.full(SIZE, value), tmp_path, invert=invert)
  assert hole.all() == hole.any() == ((value == 255) != invert)


def test_line_is_above_153(tmp_path):
  plane = np.zeros(SIZE)
  plane[0, :4] = 152, 153, 154, 255
  assert read_sketch(plane, tmp_path)[0, :5].tolist() == [0, 0, 1, 1, 0]
  inverted = read_sketch(255 - plane, tmp_path, invert=True)
  assert inverted[0, :5].tolist() == [0, 0, 1, 1, 0]


@pytest.mark.parametrize(
  ("invert", "remedy"),
  [
    (False, "black on white, run with `invert_sketch`"),
    (True, "white on black, run without `invert_sketch`"),
  ],
)
def test_sketch_that_is_mostly_line_is_refused(tmp_path, invert, remedy):
  ground = np.where(HOLE, 0, 255)
  with pytest.raises(errors.UserError, match=f"% of the sketch is .*{remedy}"):
    read_sketch(255 - ground if invert else ground, tmp_path, invert=invert)
  lines = read_sketch(ground, tmp_path, invert=True)
  np.testing.assert_array_equal(lines, HOLE)


def test_sketch_may_be_drawn_on_transparent_ground(tmp_path):
  drawn = np.dstack([np.zeros((*SIZE, 3)), WHITE_HOLE])
  np.testing.assert_array_equal(read_sketch(drawn, tmp_path), HOLE)


def test_sketch_of_labels_is_refused(tmp_path):
  with pytest.raises(errors.UserError, match="brightest value is 1; lines are"):
    read_sketch(WHITE_HOLE // 255, tmp_path)


def test_transparency_weakens_a_black_and_white_mask(tmp_path):
  grey, alpha = WHITE_HOLE.copy(), np.full(SIZE, 255, np.uint8)
  alpha[:2] = 0
  grey[10, 10], alpha[10, 10] = 200, 150  # 118 in all
  grey[10, 11], alpha[10, 11] = 200, 200  # 157
  hole = read_mask(np.dstack([grey, grey, grey, alpha]), tmp_path)
  assert hole[10, 9:12].tolist() == [True, False, True]
  assert hole.sum() == HOLE.sum() - 1
