"""Export of a network of another kind: that of Global&Local."""

import importlib

import jax
import jax.numpy as jnp
import pytest

import gatedinpaint_jax
from gatedinpaint_jax import errors, export_model, export_weights
from gatedinpaint_jax.baselines import completion_network, critics
from gatedinpaint_jax.training import checkpoints
from tests import programs

MODEL = {
  "generator": "completion",
  "conv": "vanilla",
  "width": 4,
  "guided": False,
  "dtype": "float32",
  "discriminator": "global_local",
}


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
  image, mask = jnp.zeros((1, 32, 32, 3)), jnp.zeros((1, 32, 32, 1))
  params = [
    jax.jit(module.init)(jax.random.key(0), image, mask)["params"]
    for module in (
      completion_network.CompletionNetwork(width=4),
      critics.GlobalLocalDiscriminator(width=5),
    )
  ]
  folder = tmp_path_factory.mktemp("completion")
  trees = dict(zip(("generator", "discriminator"), params, strict=True))
  with checkpoints.Checkpoints(folder, keep=1) as store:
    store.save_imported(trees, {"model": MODEL, "imported_from": "a test"})
  return folder


def convert(workdir, form, output):
  flags = {"checkpoint": workdir, "format": form, "output": output}
  programs.run(export_model, **flags)


def test_stablehlo_takes_it(workdir, tmp_path, capsys):
  convert(workdir, "stablehlo", tmp_path / "model.stablehlo")
  assert "it has no attention" in capsys.readouterr().out


def test_onnx_refuses_it_in_one_line(workdir, tmp_path):
  pytest.importorskip("onnx", reason="needs the extra export")
  with pytest.raises(errors.UserError, match="stablehlo supports all networks"):
    convert(workdir, "onnx", tmp_path / "model.onnx")
  assert not list(tmp_path.iterdir())


def test_openvino_refuses_it_in_one_line(workdir):
  # Not imported here: it would fork this process; see `openvino_backend`.
  if importlib.util.find_spec("openvino") is None:
    pytest.skip("needs the extra openvino")
  with pytest.raises(errors.UserError, match="OpenVINO cannot"):
    gatedinpaint_jax.Inpainter.from_checkpoint(workdir, backend="openvino")


def test_weights_come_without_the_discriminator_alone(workdir, tmp_path):
  flags = {"checkpoint": workdir, "output": tmp_path / "w.safetensors"}
  with pytest.raises(errors.UserError, match="is not an SN-PatchGAN"):
    programs.run(export_weights, "--with_discriminator", **flags)
  programs.run(export_weights, **flags)
