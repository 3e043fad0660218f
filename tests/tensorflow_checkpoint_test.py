import numpy as np
import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax.weights import tensorflow_checkpoint
from tests import weight_files


@pytest.mark.parametrize("part", ["index", "data-00000-of-00001"])
@pytest.mark.parametrize("damage", ["missing", "empty", "text", "cut", "bit"])
def test_damaged_checkpoint_is_named(tmp_path, part, damage):
  prefix = tmp_path / "snap-3"
  weight_files.write_tensorflow(prefix, {"a": np.zeros(1000, np.float32)})
  path = tmp_path / f"snap-3.{part}"
  content = path.read_bytes()
  path.unlink()
  if damage != "missing":
    half = len(content) // 2
    kinds = {
      "empty": b"",
      "text": b"no checkpoint " * 9,
      "cut": content[:half],
      "bit": content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :],
    }
    path.write_bytes(kinds[damage])
  with pytest.raises(
    errors.UserError, match=r"cannot read .*snap-3 .*needs all of its"
  ):
    tensorflow_checkpoint.read(prefix)
