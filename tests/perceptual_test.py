"""LPIPS with random weights in the files that the hub would give."""

import importlib.util

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


def test_equal_pictures_have_no_distance_and_others_have_one(
  weights, monkeypatch
):
  monkeypatch.setattr(
    jaxlpips.utils,
    "hf_hub_download",
    lambda repo_id, filename: str(weights / filename),
  )
  distance = perceptual.load()
  side = perceptual.LEAST_SIDE
  image, other = pictures.noise(side, side), pictures.noise(side, side, seed=1)
  between = ((image.astype(int) + other) // 2).astype(np.uint8)
  assert distance(image, image) == 0
  assert 0 < distance(between, image) < distance(other, image)


def test_weights_that_cannot_be_had_end_with_one_line(monkeypatch):
  def refuse(**_):
    raise OSError("no network\nand more")

  monkeypatch.setattr(jaxlpips.utils, "hf_hub_download", refuse)
  with pytest.raises(errors.UserError, match=r"no network\).*HF_HOME"):
    perceptual.load()


def test_missing_library_is_named(monkeypatch):
  monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
  with pytest.raises(errors.UserError, match=r"\[lpips\]"):
    perceptual.load()
