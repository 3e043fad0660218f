import os

import numpy as np
import pytest
import tensorflow as tf

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


def test_checkpoint_that_claims_more_than_its_files_hold_is_not_read(tmp_path):
  tf.raw_ops.SaveV2(
    prefix=str(tmp_path / "snap-3"),
    tensor_names=["a"],
    shape_and_slices=["1000000 1000000 0,1:0,4"],
    tensors=[tf.zeros((1, 4))],
  )
  with pytest.raises(errors.UserError, match="claims 4000000000000 bytes"):
    tensorflow_checkpoint.read(tmp_path / "snap-3")


@pytest.mark.usefixtures("in_time")
def test_pipe_in_a_checkpoint_is_not_waited_for(tmp_path):
  weight_files.write_tensorflow(tmp_path / "snap-3", {"a": np.zeros(9)})
  path = tmp_path / "snap-3.data-00000-of-00001"
  path.unlink()
  os.mkfifo(path)
  with pytest.raises(errors.UserError, match="not a regular file"):
    tensorflow_checkpoint.read(tmp_path / "snap-3")
