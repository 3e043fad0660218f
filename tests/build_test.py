import itertools
import re

import numpy as np
import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax.data import build
from tests import pictures


@pytest.fixture
def numbered(tmp_path):
  return pictures.write_numbered(tmp_path, 20)


@pytest.mark.parametrize(
  ("change", "message"),
  [
    ({"data.source": "zip"}, "data.source='zip': must be one of tfds, folder"),
    ({"data.resize": "fit"}, "data.resize='fit': must be one of enlarge, sh"),
    ({"mask.kind": "blob"}, "mask.kind='blob': must be one of strokes, boxes"),
    ({"mask.kind": "files"}, "mask.path=None: must name the pictures to read"),
    (
      {"mask.kind": "files", "mask.path": "/nowhere"},
      "mask.path: no folder at /nowhere",
    ),
    ({"data.path": "/nowhere"}, "data.path: no folder at /nowhere; it should"),
    (
      {"data.image_size": (250, 256)},
      "data.image_size=(250, 256): 250 is not a multiple of 8; 248 or 256",
    ),
    (
      {"data.image_size": (0, 256)},
      "data.image_size=(0, 256): must be in [8, 16384]",
    ),
    ({"data.batch_size": 0}, "data.batch_size=0: must be in [1, 100000]"),
    (
      {"model.guided": True},
      "data.sketch=None: config.model.guided needs sketches; set it to one of",
    ),
    (
      {"data.sketch": "edges"},
      "data.sketch='edges': config.model.guided=False takes no sketches",
    ),
    (
      {"data.sketch": "lines", "model.guided": True},
      "data.sketch='lines': must be one of files, edges",
    ),
    (
      {"data.source": "tfds", "data.sketch": "files", "model.guided": True},
      "data.sketch='files': config.data.source='tfds' has no sketch files",
    ),
    (
      {"data.sketch_drop_probability": 1.5},
      "data.sketch_drop_probability=1.5: must be in [0, 1]",
    ),
    (
      {"mask.strokes.count": (3, 1)},
      "mask.strokes.count=(3, 1): must be (least, most)",
    ),
    (
      {"mask.boxes.size": (1.5, 0.5)},
      "mask.boxes.size=(1.5, 0.5): must be in [0, 1]",
    ),
    (
      {"mask.boxes.max_shrink": (0.1, 0.25)},
      "mask.boxes.size=(0.5, 0.5) leaves no hole with config.mask.boxes.max_",
    ),
    (
      {"data.validation_path": "/nowhere", "evaluation.pictures": 1},
      "data.validation_path: no folder at /nowhere",
    ),
  ],
)
def test_mistakes_in_the_config_are_explained(numbered, change, message):
  config = pictures.config(numbered)
  config.update_from_flattened_dict(change)
  with pytest.raises(errors.UserError, match=r"^config\." + re.escape(message)):
    build.find_pictures(config)


def test_batches_must_divide_by_the_processes(numbered):
  config = pictures.config(numbered)
  with pytest.raises(
    errors.UserError,
    match=r"config\.data\.batch_size=4: must be a multiple of the 3 processes",
  ):
    build.find_pictures(config).batches(process_count=3)


def validation(folder, pictures_wanted, **data):
  config = pictures.config(folder, **data)
  config.evaluation.pictures = pictures_wanted
  return config


def test_pictures_of_a_run_are_listed_once_and_counted(numbered, monkeypatch):
  listed = []
  plain = build.listing.find_in_folder

  def find_in_folder(folder, **options):
    listed.append(folder)
    return plain(folder, **options)

  monkeypatch.setattr(build.listing, "find_in_folder", find_in_folder)
  found = build.find_pictures(validation(numbered, 5))
  assert listed == [str(numbered)]
  assert found.training == 15
  assert pictures.numbers(*found.validation) == [0, 4, 8, 12, 16]


def test_pictures_for_validation_of_their_own_are_all_taken(
  numbered, tmp_path_factory
):
  other = pictures.write_numbered(tmp_path_factory.mktemp("other"), 6)
  config = validation(numbered, 100, validation_path=str(other))
  found = build.find_pictures(config)
  assert [len(batch.image) for batch in found.validation] == [4, 2]
  # And nothing is held out.
  trained = pictures.numbers(*itertools.islice(found.batches(), 5))
  assert set(trained) == set(range(20))


def test_too_few_pictures_to_hold_out_are_explained(tmp_path):
  config = validation(pictures.write_numbered(tmp_path, 3), 4)
  with pytest.raises(
    errors.UserError, match=r"the 3 pictures of .* are too few to hold any out"
  ):
    build.find_pictures(config)
  config.evaluation.pictures = 0
  assert build.find_pictures(config).validation == []


def test_validation_is_the_same_under_every_seed(tmp_path):
  for i in range(8):
    data = pictures.encoded(pictures.noise(32, 40, seed=i))
    (tmp_path / f"{i}.jpg").write_bytes(data)
  config = validation(tmp_path, 2, flip=True)
  batches = build.find_pictures(config).validation
  config.seed = 7
  for a, b in zip(batches, build.find_pictures(config).validation, strict=True):
    pictures.assert_same(a, b)
  config.evaluation.seed = 7
  other = build.find_pictures(config).validation[0]
  np.testing.assert_array_equal(other.image, batches[0].image)
  assert not np.array_equal(other.mask, batches[0].mask)


def test_validation_pictures_are_cropped_in_the_centre(tmp_path):
  pixels = np.zeros((32, 48, 3), np.uint8)
  pixels[8:24, 12:36] = 255
  for i in range(4):
    (tmp_path / f"{i}.png").write_bytes(pictures.encoded(pixels, "PNG"))
  config = validation(tmp_path, 1, flip=True)
  assert build.find_pictures(config).validation[0].image.min() == 1
