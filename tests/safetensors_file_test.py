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
