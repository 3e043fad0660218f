"""Features for the FID, by a network that stands in for Inception."""

import warnings

import numpy as np
import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax.metrics import fid

torch = pytest.importorskip("torch", reason="of the extra `torch`")


class MeanColour(torch.nn.Module):
  def forward(self, image, return_features: bool = False):
    assert return_features
    return image.float().mean((2, 3)).tile((1, 683))[:, :2048]


class WithoutFeatures(torch.nn.Module):
  def forward(self, image):
    return image


class TooFew(torch.nn.Module):
  def forward(self, image, return_features: bool = False):
    return image.float().mean((2, 3))


def save(network, path):
  with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    torch.jit.script(network).save(str(path))
  return path


def test_picture_goes_through_the_network_of_the_file(tmp_path):
  path = save(MeanColour(), tmp_path / "network.pt")
  image = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
  features = fid.load(str(path))
  np.testing.assert_allclose(features(image)[:3], image.mean((0, 1)), rtol=1e-6)
  assert features(image).shape == (2048,)
  assert len(fid.digest(str(path))) == 16


@pytest.mark.parametrize(
  ("network", "message"),
  [(WithoutFeatures(), "rejects pictures"), (TooFew(), r"returns \(3,\)")],
)
def test_network_of_another_kind_is_refused(tmp_path, network, message):
  path = save(network, tmp_path / "network.pt")
  with pytest.raises(errors.UserError, match=message):
    fid.load(str(path))


@pytest.mark.parametrize("content", [b"", b"not a network"])
def test_file_of_another_kind_is_refused(tmp_path, content):
  path = tmp_path / "network.pt"
  path.write_bytes(content)
  with pytest.raises(
    errors.UserError, match="not a TorchScript file"
  ) as caught:
    fid.load(str(path))
  assert "\n" not in str(caught.value)
