import os
import struct

import jax.numpy as jnp
import numpy as np
import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax.weights import safetensors_file

ARRAYS = {"a/b": np.arange(6, dtype=np.float32).reshape(2, 3), "s": np.ones(())}


def test_arrays_and_metadata_come_back(tmp_path):
  path = tmp_path / "w.safetensors"
  safetensors_file.write(path, ARRAYS, {"format": "x"})
  arrays, metadata = safetensors_file.read(path)
  assert metadata == {"format": "x"}
  assert arrays.keys() == ARRAYS.keys()
  for name, array in ARRAYS.items():
    np.testing.assert_array_equal(arrays[name], array)
    assert arrays[name].shape == array.shape
  assert [p.name for p in tmp_path.iterdir()] == ["w.safetensors"]


def test_bfloat16_is_read(tmp_path):
  # As jax's own type; numpy has none.
  array = np.asarray(jnp.asarray([1.5, -2], jnp.bfloat16))
  path = tmp_path / "w.safetensors"
  safetensors_file.write(path, {"a": array}, {})
  assert safetensors_file.read(path)[0]["a"].tolist() == [1.5, -2]


def test_damaged_file_is_named(tmp_path):
  path = tmp_path / "w.safetensors"
  safetensors_file.write(path, ARRAYS, {})
  path.write_bytes(path.read_bytes()[:-1])
  with pytest.raises(
    errors.UserError, match=r"w\.safetensors cannot be read .*safetensors file"
  ):
    safetensors_file.read(path)


def of(dtype, shape, end=4):
  return (
    f'{{"a":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[0,{end}]}}}}'
  )


@pytest.mark.parametrize(
  "header",
  [
    of("F8_E4M3", [4]),
    of("F4", [8]),
    of("X", [1]),
    of("F32", [2**62, 4]),
    of("F32", [1], end=2**62),
    '{"__metadata__":' + "[" * 100_000,
  ],
  ids=range(6),
)
def test_file_of_a_stranger_is_one_line(tmp_path, header):
  path = tmp_path / "w.safetensors"
  path.write_bytes(struct.pack("<Q", len(header)) + header.encode() + bytes(4))
  with pytest.raises(errors.UserError, match="cannot be read") as caught:
    safetensors_file.read(path)
  assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_file_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
  path = tmp_path / "w.safetensors"
  safetensors_file.write(path, ARRAYS, {})
  before = path.read_bytes()

  def fail(*_):
    raise OSError(28, "No space left on device")

  monkeypatch.setattr(os, "replace", fail)
  with pytest.raises(errors.UserError, match="No space left"):
    safetensors_file.write(path, {}, {})
  assert path.read_bytes() == before
  assert list(tmp_path.iterdir()) == [path]
