"""`Inpainter` with OpenVINO beside the one with JAX."""

import collections
import types

import jax
import numpy as np
import psutil
import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax.inference import inpainter as inpainter_lib
from gatedinpaint_jax.inference import openvino_backend
from gatedinpaint_jax.networks import inpaint_generator
from tests import inpainters, small_checkpoint


@pytest.fixture
def openvino():
  inpainters.skip_without_openvino()


def make_inpainters(*backends, guided=False):
  generator = inpaint_generator.InpaintGenerator(width=4, guided=guided)
  params = small_checkpoint.calm_params(guided=guided)
  make = inpainter_lib.Inpainter
  return [make(generator, params, backend=backend) for backend in backends]


@pytest.mark.parametrize(
  ("shape", "guided"),
  [((24, 40), True), ((17, 21), False), ((2, 9, 30), False)],
)
def test_pictures_equal_those_of_jax(openvino, shape, guided):
  image, mask = inpainters.draw_picture(1, *shape)
  _, sketch = inpainters.draw_picture(2, *shape)
  arrays = (image, mask, sketch) if guided else (image, mask)
  expected, found = (
    inpainter(*arrays, return_details=True)
    for inpainter in make_inpainters("jax", "openvino", guided=guided)
  )
  assert np.std(expected.refined) > 0.01
  np.testing.assert_allclose(found.coarse, expected.coarse, atol=1e-4)
  np.testing.assert_allclose(found.refined, expected.refined, atol=1e-4)
  np.testing.assert_array_equal(found.offsets, expected.offsets)
  known = mask == 0
  np.testing.assert_array_equal(found.image[known], image[known])
  difference = found.image.astype(int) - expected.image
  assert np.abs(difference).max() <= 1  # where rounding is a close call


def test_attention_is_that_of_jax_and_its_largest_weights_give_the_offsets(
  openvino,
):
  image, mask = inpainters.draw_picture(1, 24, 40)
  (inpainter,) = make_inpainters("auto")
  expected, found = (
    inpainter._backends.get(name, returns_attention=True).predict(
      image[None], mask[None] >= 128, None, (24, 40)
    )
    for name in ("jax", "openvino")
  )
  np.testing.assert_allclose(found.attention, expected.attention, atol=1e-5)
  assert np.max(expected.attention) > 0.1
  row, column = np.divmod(np.argmax(expected.attention[0], axis=-1), 5)
  own = np.divmod(np.arange(15), 5)
  offsets = np.stack([row - own[0], column - own[1]], axis=-1)
  np.testing.assert_array_equal(offsets.reshape(3, 5, 2), expected.offsets[0])


def test_bfloat16_keeps_scores_in_float32_and_tells_its_error(openvino, caplog):
  (inpainter,) = make_inpainters("openvino_bf16")
  assert "bf16 is" in caplog.text and "levels of 255" in caplog.text
  core, _ = inpainter._backends.get("openvino_bf16")._core_and_model
  if "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
    pytest.skip("OpenVINO computes in float32 on this processor")
  picture = inpainters.draw_picture(1, 24, 40)
  (exact,) = make_inpainters("openvino")
  expected, found = (
    x(*picture, return_details=True).refined for x in (exact, inpainter)
  )
  assert 1e-5 < np.abs(found - expected).max() < 0.05
  compiled = inpainter._backends.get("openvino_bf16")._compiled[1, 24, 40]
  precisions = collections.defaultdict(list)
  for operation in compiled.get_runtime_model().get_ordered_ops():
    about = operation.get_rt_info()
    kind, *of_kind = (
      about[name].astype(str)
      for name in ("layerType", "runtimePrecision", "outputPrecisions")
    )
    precisions[kind].append(tuple(of_kind))
  assert precisions["Softmax"] == [("f32", "f32")]
  # Features by features makes scores; attention by patches makes features.
  assert precisions["MatMul"] == [("bf16", "f32"), ("bf16", "bf16")]
  assert {inner for inner, _ in precisions["Convolution"]} == {"bf16"}


def test_auto_follows_the_size(openvino):
  (inpainter,) = make_inpainters("auto")
  assert inpainter.backend_for(512, 512) == "openvino"
  assert inpainter.backend_for(520, 512) == "jax"


def test_auto_is_jax_where_there_is_an_accelerator(openvino, monkeypatch):
  monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
  (inpainter,) = make_inpainters("auto")
  assert inpainter.backend_for(24, 40) == "jax"


def test_auto_is_jax_where_openvino_is_missing(uninstall):
  uninstall()
  (inpainter,) = make_inpainters("auto")
  assert inpainter.backend_for(24, 40) == "jax"


def test_graph_is_converted_once_and_again_for_other_weights(
  openvino, monkeypatch, tmp_path
):
  monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
  convert = openvino_backend.OpenvinoBackend._convert
  converted = []
  monkeypatch.setattr(
    openvino_backend.OpenvinoBackend,
    "_convert",
    lambda self: converted.append(1) or convert(self),
  )
  picture = inpainters.draw_picture(1, 16, 16)
  (first,) = make_inpainters("openvino")
  (second,) = make_inpainters("openvino")
  np.testing.assert_array_equal(first(*picture), second(*picture))
  assert len(converted) == 1
  generator = inpaint_generator.InpaintGenerator(width=4)
  params = jax.tree.map(lambda x: 2 * x, small_checkpoint.calm_params())
  other = inpainter_lib.Inpainter(generator, params, backend="openvino")
  assert np.any(other(*picture) != first(*picture))
  assert len(converted) == 2


def test_programs_are_forgotten_when_there_are_too_many(openvino, monkeypatch):
  monkeypatch.setattr(openvino_backend, "_MAX_PROGRAMS", 2)
  (inpainter,) = make_inpainters("openvino")
  for width in (8, 16, 24):
    inpainter(*inpainters.draw_picture(1, 8, width))
  kept = inpainter._backends.get("openvino")._compiled
  assert list(kept) == [(1, 8, 16), (1, 8, 24)]


def test_what_openvino_cannot_do_is_a_mistake_of_one_picture(
  openvino, monkeypatch
):
  def fail(self, shape):
    raise RuntimeError("no room")

  monkeypatch.setattr(openvino_backend.OpenvinoBackend, "_compile", fail)
  (inpainter,) = make_inpainters("openvino")
  with pytest.raises(errors.UserError, match=r"OpenVINO failed \(no room\)"):
    inpainter(*inpainters.draw_picture(1, 8, 8))


def test_picture_that_does_not_fit_is_refused(openvino, monkeypatch):
  little = types.SimpleNamespace(available=10**9)
  monkeypatch.setattr(psutil, "virtual_memory", lambda: little)
  (inpainter,) = make_inpainters("openvino")
  with pytest.raises(errors.UserError, match="the backend jax needs less"):
    inpainter(np.zeros((1024, 1024, 3), np.uint8), np.ones((1024, 1024), bool))


def test_missing_package_is_named_with_its_extra(uninstall):
  uninstall()
  with pytest.raises(errors.UserError, match=r"openvino .*\[openvino\]"):
    make_inpainters("openvino")


def test_unknown_backend_is_named():
  with pytest.raises(errors.UserError, match=r"backend='?onnx.*jax, openvino"):
    make_inpainters("onnx")
