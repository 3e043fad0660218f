"""`inpaint --method`: fills without a checkpoint."""

import json

import numpy as np
import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax.evaluation import methods
from tests.inpaint_files import read, run, write_mask, write_photo


@pytest.fixture
def folder(tmp_path):
  write_photo(tmp_path / "photo.png")
  write_mask(tmp_path / "mask.png")
  return tmp_path


def flags(folder, *, method="mean_fill"):
  return (
    f"--image={folder / 'photo.png'}",
    f"--mask={folder / 'mask.png'}",
    f"--output={folder / 'out.png'}",
    f"--method={method}",
  )


@pytest.mark.parametrize("name", methods.NAMES)
def test_picture_becomes_what_the_method_makes_of_it(folder, name):
  report = folder / "report.jsonl"
  assert run(*flags(folder, method=name), f"--report={report}") == 0
  hole = read(folder / "mask.png") >= 128
  expected = methods.load(name)(read(folder / "photo.png"), hole)
  np.testing.assert_array_equal(read(folder / "out.png"), expected)
  line = json.loads(report.read_text())
  assert line["method"] == name and line["checkpoint"] is None


def test_pictures_of_a_size_may_be_given_at_once(tmp_path):
  for i in range(3):
    write_photo(tmp_path / "photos" / f"{i}.png", seed=i)
  write_mask(tmp_path / "mask.png")
  arguments = (
    f"--image={tmp_path / 'photos'}",
    f"--mask={tmp_path / 'mask.png'}",
    f"--output={tmp_path / 'out'}",
    "--method=mean_fill",
    "--batch_size=2",
  )
  assert run(*arguments) == 0
  hole = read(tmp_path / "mask.png") >= 128
  for i in range(3):
    result = read(tmp_path / "out" / f"{i}.png")
    photo = read(tmp_path / "photos" / f"{i}.png")
    np.testing.assert_array_equal(
      result, methods.load("mean_fill")(photo, hole)
    )


@pytest.mark.parametrize(
  "flag",
  ["--checkpoint=x", "--sketch=mask.png", "--backend=openvino", "--bucket=16"],
)
def test_what_goes_with_a_checkpoint_does_not_go_with_a_method(folder, flag):
  name = flag.partition("=")[0]
  with pytest.raises(errors.UserError, match=f"{name}: cannot be combined"):
    run(*flags(folder), flag)


def test_unknown_method_is_refused(folder):
  with pytest.raises(errors.UserError, match="--method=photoshop"):
    run(*flags(folder, method="photoshop"))
