import numpy as np
import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax.weights import pytorch_file


@pytest.fixture
def torch():
  return pytest.importorskip("torch")


def test_generator_is_read_and_other_keys_are_named(torch, tmp_path):
  path = tmp_path / "w.pth"
  state = {
    "a.weight": torch.arange(6.0).reshape(2, 3),
    "a.bias": torch.ones(2, dtype=torch.bfloat16, requires_grad=True),
    "count": torch.tensor(3),
  }
  torch.save({"D": {}, "G": state, "n_iter": 3}, path)
  generator, left_out = pytorch_file.read(path)
  assert left_out == ["D", "n_iter"]
  np.testing.assert_array_equal(generator["a.weight"], [[0, 1, 2], [3, 4, 5]])
  assert generator["a.bias"].dtype == np.float32
  assert generator["count"].dtype == np.int64


def test_state_dictionary_alone_is_read_too(torch, tmp_path):
  torch.save({"a.bias": torch.ones(2)}, tmp_path / "w.pth")
  generator, left_out = pytorch_file.read(tmp_path / "w.pth")
  assert list(generator) == ["a.bias"] and left_out == []


class Stranger:
  pass


@pytest.mark.parametrize(
  ("saved", "message"),
  [
    ([1, 2], "holds a list; the port's files hold a dictionary"),
    ({"epoch": 3}, "holds no state dictionary"),
    ({"G": {}}, "holds no state dictionary"),
    ({"G": {"a": 3}}, "holds no state dictionary"),
    ({"G": Stranger()}, "cannot read .* with weights_only"),
  ],
)
def test_file_of_something_else_is_named(torch, tmp_path, saved, message):
  path = tmp_path / "w.pth"
  torch.save(saved, path)
  with pytest.raises(errors.UserError, match=message):
    pytorch_file.read(path)


@pytest.mark.parametrize(
  "make",
  [
    lambda torch: torch.zeros(1).expand(10**7, 10**7),
    lambda torch: torch.zeros(1, dtype=torch.bfloat16).expand(10**7, 10**7),
    lambda torch: torch.zeros(10**7, 10**7, device="meta"),
    lambda torch: torch.zeros(3, 3).to_sparse(),
    lambda torch: torch.ones(3, dtype=torch.complex64).conj(),
  ],
  ids=["repeated", "bfloat16", "meta", "sparse", "conjugate"],
)
def test_tensor_without_values_of_its_own_is_refused(torch, tmp_path, make):
  path = tmp_path / "w.pth"
  torch.save({"G": {"a": make(torch)}}, path)
  with pytest.raises(
    errors.UserError, match=r"w\.pth (holds tensors that|with weights_only)"
  ) as caught:
    pytorch_file.read(path)
  assert "\n" not in str(caught.value)


def test_damaged_file_is_named(torch, tmp_path):
  path = tmp_path / "w.pth"
  torch.save({"G": {"a": torch.ones(1000)}}, path)
  path.write_bytes(path.read_bytes()[:2000])
  with pytest.raises(errors.UserError, match=r"w\.pth with weights_only"):
    pytorch_file.read(path)


def test_without_torch_the_error_says_how_to_install_it(tmp_path, uninstall):
  uninstall("torch")
  with pytest.raises(errors.UserError, match=r"torch is not .*jax\[torch\]"):
    pytorch_file.read(tmp_path / "w.pth")
