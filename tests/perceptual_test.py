"""LPIPS with random weights in the files that the hub would give."""

import jaxlpips.utils
import numpy as np
import pytest
from flax import nnx, traverse_util
from safetensors import numpy as safetensors

from gatedinpaint_jax import errors
from gatedinpaint_jax.metrics import perceptual
from tests import pictures


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
  folder = tmp_path_factory.mktemp("hub")
  draw = np.random.default_rng(0)
  shapes = nnx.to_pure_dict(
    nnx.state(
      nnx.eval_shape(lambda: jaxlpips.modules.AlexNetFeatures(nnx.Rngs(0)))
    )
  )
  arrays = {
    ".".join(name): draw.normal(0, 0.05, leaf.shape).astype(np.float32)
    for name, leaf in traverse_util.flatten_dict(shapes).items()
  }
  safetensors.save_file(arrays, folder / "alexnet_features.safetensors")
  linear = {
    f"lin{i}": draw.random((1, 1, 1, channels)).astype(np.float32)
    for i, channels in enumerate((64, 192, 384, 256, 256))
  }
  safetensors.save_file(linear, folder / "alexnet_lpips.safetensors")
  return folder


@pytest.fixture
def hub(weights, monkeypatch):
  monkeypatch.setattr(
    jaxlpips.utils,
    "hf_hub_download",
    lambda repo_id, filename: str(weights / filename),
  )


def test_network_sees_what_imagenet_networks_see(hub):
  # Mean and deviation of ImageNet's pixels in [0, 1], which AlexNet was trained
  # with. jaxlpips makes them of pictures in [-1, 1], and does not say of what.
  mean, deviation = np.array(
    [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]], np.float32
  )
  side = perceptual.MIN_SIDE
  images = [pictures.noise(side, side, seed=i) for i in range(2)]
  network = jaxlpips.LPIPS("alexnet")
  layers = []
  for image in images:
    pixels = (image[None] / np.float32(255) - mean) / deviation
    features = map(np.asarray, network.model(pixels))
    layers.append([f / np.linalg.norm(f, axis=-1)[..., None] for f in features])
  expected = sum(
    np.mean(np.sum((a - b) ** 2 * np.asarray(weight), axis=-1))
    for a, b, weight in zip(*layers, network.linear_weights, strict=True)
  )
  assert perceptual.load()(*images) == pytest.approx(expected, rel=1e-3)


def test_weights_that_cannot_be_had_end_with_one_line(monkeypatch):
  def refuse(**_):
    raise OSError("no network\nand more")

  monkeypatch.setattr(jaxlpips.utils, "hf_hub_download", refuse)
  with pytest.raises(errors.UserError, match=r"no network\).*HF_HOME"):
    perceptual.load()
