import os

import numpy as np
import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax.weights import names, safetensors_file, source
from tests import weight_files


def write_indices(folder, *stems):
  """Writes empty files, the last one the newest."""
  for age, stem in enumerate(reversed(stems)):
    path = folder / f"{stem}.index"
    path.write_bytes(b"")
    os.utime(path, (1e9 - age, 1e9 - age))


@pytest.fixture
def find(monkeypatch):
  """Reads the path, and returns only which checkpoint would be read."""
  from gatedinpaint_jax.weights import tensorflow_checkpoint

  class Found(Exception):
    pass

  def read(prefix):
    raise Found(prefix.name)

  monkeypatch.setattr(tensorflow_checkpoint, "read", read)

  def find(path):
    with pytest.raises(Found) as raised:
      source.load_weights(path)
    return str(raised.value)

  return find


def test_folder_gives_the_checkpoint_that_its_listing_names(tmp_path, find):
  write_indices(tmp_path, "snap-1", "snap-2")
  listing = tmp_path / "checkpoint"
  listing.write_text(
    'model_checkpoint_path: "/gone/snap-1"\n'
    'all_model_checkpoint_paths: "/gone/snap-2"\n'
  )
  assert find(tmp_path) == "snap-1"


@pytest.mark.parametrize("listing", [None, "", 'model_checkpoint_path: "x"'])
def test_folder_without_a_useful_listing_gives_the_newest(
  tmp_path, find, listing
):
  write_indices(tmp_path, "snap-4", "snap-30")
  if listing is not None:
    (tmp_path / "checkpoint").write_text(listing)
  assert find(tmp_path) == "snap-30"


@pytest.mark.parametrize(
  "name",
  [
    "model.ckpt-7",
    "model.ckpt-7.index",
    "model.ckpt-7.meta",
    "model.ckpt-7.data-00000-of-00001",
  ],
)
def test_any_name_of_a_checkpoint_gives_it(tmp_path, find, name):
  write_indices(tmp_path, "model.ckpt-7", "model.ckpt-8")
  assert find(tmp_path / name) == "model.ckpt-7"


@pytest.mark.parametrize(
  ("make", "message"),
  [
    (lambda path: None, "nothing at .*; it should be a TensorFlow checkpoint"),
    (lambda path: path.mkdir(), "holds no TensorFlow checkpoint"),
    (lambda path: path.write_text("x"), "is a file of another kind"),
  ],
  ids=["nothing", "folder", "file"],
)
def test_path_to_something_else_is_named(tmp_path, make, message):
  make(tmp_path / "w.zip")
  with pytest.raises(errors.UserError, match=message):
    source.load_weights(tmp_path / "w.zip")


def test_missing_file_of_a_known_kind_is_named(tmp_path):
  for name in ("w.pth", "w.safetensors", "w.index"):
    with pytest.raises(errors.UserError, match=f"nothing at .*{name}"):
      source.load_weights(tmp_path / name)


@pytest.mark.parametrize("prefix", ["", "G."])
@pytest.mark.parametrize("kind", ["plain", "guided"])
def test_port_names_in_safetensors_are_read(tmp_path, kind, prefix):
  entries = weight_files.port_entries(kind)
  arrays = {f"{prefix}{name}": array for name, array in entries.items()}
  if prefix:
    arrays |= {"D.conv1.weight": np.zeros(1), "D.conv2.weight": np.zeros(1)}
  path = weight_files.write_safetensors(tmp_path / "w.safetensors", arrays)
  weights = source.load_weights(path)
  assert weights.file == "w.safetensors"
  assert weights.model == names.released_model(guided=kind == "guided")
  assert weights.left_out == (("D",) if prefix else ())
  weight_files.assert_golden(weights.trees, kind, with_discriminator=False)


@pytest.mark.parametrize("name", ["stage1.conv1.weight", "G.stage2.conv1.bias"])
def test_second_variant_of_the_port_is_refused_by_name(tmp_path, name):
  path = weight_files.write_safetensors(
    tmp_path / "w.safetensors", {name: np.zeros(1)}
  )
  with pytest.raises(
    errors.UserError, match=r"the port's second variant .*stage1\. or stage2\."
  ):
    source.load_weights(path)


@pytest.mark.parametrize(
  ("config", "message"),
  [
    (None, "no config that describes"),
    ("{", "no config that describes"),
    ("[" * 100_000 + "]" * 100_000, "no config that describes"),
    ('{"model": "abc"}', "no config that describes"),
    ('{"model": {"a.b": 1}}', "no config that describes"),
    ('{"model": {"width": 4}}', "no config that describes"),
    (
      '{"model": {"conv": "gate", "width": 4, "guided": false, '
      '"dtype": "float32"}}',
      r"w\.safetensors: config\.model\.conv='gate'",
    ),
  ],
)
def test_config_that_describes_no_network_is_named(tmp_path, config, message):
  metadata = {"format": safetensors_file.FORMAT}
  if config is not None:
    metadata["config"] = config
  path = weight_files.write_safetensors(
    tmp_path / "w.safetensors", {"a": np.zeros(1)}, metadata
  )
  with pytest.raises(errors.UserError, match=message):
    source.load_weights(path)
