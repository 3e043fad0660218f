"""Exported files against JAX, run by other people's runtimes."""

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import pytest
from jax import export

from gatedinpaint_jax import batch as batch_lib
from gatedinpaint_jax import build, errors, export_model, export_weights
from gatedinpaint_jax.export import network
from gatedinpaint_jax.fast import attention as fast_attention
from gatedinpaint_jax.networks import inpaint_generator
from gatedinpaint_jax.training import checkpoint_reader
from tests import export_weights_test, programs, small_checkpoint

# float32 in another order of sums; the issue allows 1e-4.
TOLERANCE = 1e-5
SIZE = (2, 24, 40)  # one for most tests, which share what JAX compiles


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
  """Returns {guided: workdir}."""
  folder = tmp_path_factory.mktemp("checkpoints")
  return {
    guided: small_checkpoint.write(
      folder / str(guided), guided=guided, params=small_checkpoint.calm_params
    )
    for guided in (False, True)
  }


def run(checkpoint, form, output, *flags):
  named = {"checkpoint": checkpoint, "format": form, "output": output}
  programs.run(export_model, *flags, **named)


def draw_inputs(size=SIZE, *, guided):
  """Returns named pictures, whose holes and sketches are filled with noise."""
  draw = np.random.default_rng(0)
  inputs = {
    "image": draw.uniform(-1, 1, (*size, 3)),
    "mask": np.zeros((*size, 1)),
    "sketch": draw.uniform(0, 1, (*size, 1)) > 0.5,
  }
  inputs["mask"][:, size[1] // 4 : size[1] // 2, size[2] // 4 :] = 1
  inputs = {name: x.astype(np.float32) for name, x in inputs.items()}
  return inputs if guided else {n: inputs[n] for n in ("image", "mask")}


@jax.jit
def complete(image, mask, sketch=None):
  """Completes pictures with JAX and the parameters of the checkpoints."""
  guided = sketch is not None
  generator = inpaint_generator.InpaintGenerator(width=4, guided=guided)
  output = generator.apply(
    {"params": small_checkpoint.calm_params(guided=guided)},
    batch_lib.erase(image, mask),
    mask,
    sketch * mask if guided else None,
  )
  return batch_lib.composite(output.refined, image, mask)


def assert_equal_to_jax(completed, inputs):
  np.testing.assert_allclose(
    completed(inputs), complete(**inputs), atol=TOLERANCE
  )


def load(form, path):
  """Returns what a runtime makes of a file: a function of named arrays."""
  if form == "onnx":
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(path)
    return lambda inputs: session.run(["completed"], inputs)[0]
  exported = export.deserialize(bytearray(path.read_bytes()))
  return lambda inputs: np.asarray(exported.call(*inputs.values()))


@pytest.fixture
def path(tmp_path):
  """Returns where to export a format to."""
  return lambda form: tmp_path / f"model.{form}"


@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize("form", ["onnx", "stablehlo"])
def test_free_sizes_equal_jax(checkpoints, path, capsys, form, guided):
  if form != "stablehlo":
    pytest.importorskip("onnx", reason="needs the extra export")
  run(checkpoints[guided], form, path(form))
  told = capsys.readouterr().out
  assert "channels" not in told  # of photographs
  assert "any sides that are multiples of 8" in told
  assert "scores of all pairs of places at once" in told
  completed = load(form, path(form))
  # The smallest picture has one place: its corners are not apart.
  for size in (SIZE, (1, 8, 8))[: 1 if guided else 2]:
    inputs = draw_inputs(size, guided=guided)
    expected = complete(**inputs)
    np.testing.assert_allclose(completed(inputs), expected, atol=TOLERANCE)
    hole = np.broadcast_to(inputs["mask"] == 1, expected.shape)
    assert np.std(expected[hole]) > 0.01  # there is something to compare


@pytest.mark.parametrize("in_pieces", [False, True])
def test_fixed_sizes_choose_their_attention(
  checkpoints, path, capsys, monkeypatch, in_pieces
):
  form = "stablehlo"
  limit = 0 if in_pieces else 10**9
  monkeypatch.setattr(fast_attention, "MOST_PLACES_AT_ONCE", limit)
  flags = ("--height=24", "--width=40")
  run(checkpoints[False], form, path(form), *flags)
  told = capsys.readouterr().out
  assert "pictures of 24 x 40" in told
  assert ("in pieces" in told) == in_pieces
  monkeypatch.undo()
  assert_equal_to_jax(load(form, path(form)), draw_inputs(guided=False))


def test_safetensors_export_as_the_checkpoint_does(checkpoints, path, tmp_path):
  weights = tmp_path / "w.safetensors"
  programs.run(export_weights, checkpoint=checkpoints[True], output=weights)
  run(weights, "stablehlo", path("stablehlo"))
  completed = load("stablehlo", path("stablehlo"))
  assert_equal_to_jax(completed, draw_inputs(guided=True))


OF_VALUES = {
  "value_range": ((0.0, 1.0), (-1.0, 1.0), (0.0, 1.0), (270.0, 310.0)),
  "no_data": -9999.0,
}


@pytest.mark.parametrize("form", ["onnx", "stablehlo"])
@pytest.mark.parametrize(
  ("channels", "data", "told"),
  [
    (1, {}, {"channels": "1"}),
    (
      4,
      OF_VALUES,
      {
        "channels": "4",
        "value_range": "[[0.0, 1.0], [-1.0, 1.0], [0.0, 1.0], [270.0, 310.0]]",
        "no_data": "-9999.0",
      },
    ),
  ],
)
def test_other_channels_equal_jax_and_tell_their_range(
  path, tmp_path, capsys, form, channels, data, told
):
  onnx = pytest.importorskip("onnx", reason="needs the extra export")
  workdir, config = export_weights_test.save_imported(
    tmp_path / "run", channels, data
  )
  weights = tmp_path / "w.safetensors"
  programs.run(export_weights, checkpoint=workdir, output=weights)
  for source in (workdir, weights):
    capsys.readouterr()
    run(source, form, path(form), "--overwrite")
    line = "; ".join(f"{key}: {value}" for key, value in told.items())
    assert line in capsys.readouterr().out.splitlines()
  if form == "onnx":
    properties = onnx.load(path(form)).metadata_props
    assert {p.key: p.value for p in properties} == told
  inputs = draw_inputs(guided=False)
  inputs["image"] = inputs["image"][..., np.arange(channels) % 3]
  generator, _ = build.build_networks(ml_collections.ConfigDict(config))
  saved = checkpoint_reader.read(workdir)
  expected = jax.jit(
    network.complete(network.Network(generator, saved.generator, ""))
  )(**inputs)
  completed = load(form, path(form))(inputs)
  np.testing.assert_allclose(completed, expected, atol=TOLERANCE)


def test_output_is_replaced_only_when_asked(
  checkpoints, path, tmp_path, monkeypatch
):
  form = "stablehlo"
  convert = lambda network, inputs: (str(len(inputs)).encode(), False)
  monkeypatch.setitem(export_model._CONVERTERS, form, convert)
  run(checkpoints[False], form, path(form))
  with pytest.raises(errors.UserError, match=r"exists; `overwrite`"):
    run(checkpoints[False], form, path(form))
  run(checkpoints[True], form, path(form), "--overwrite")
  (written,) = (x for x in tmp_path.rglob("*") if x.is_file())
  assert written.read_text() == "3"  # inputs of the guided one


@pytest.mark.parametrize(
  ("form", "output", "flags", "message"),
  [
    ("onnx", "m.pb", "", r"--output=.*m\.pb: must end in \.onnx"),
    ("onnx", "no/m.onnx", "", "no such folder"),
    ("onnx", "dangling.onnx", "", "is a broken link"),
    ("stablehlo", "m.stablehlo", "--height=8", "--width is missing"),
    ("stablehlo", "m.stablehlo", "--height=8 --width=12", "--width=12: must"),
    ("onnx", "m.onnx", "--height=8 --width=8", "--height: onnx files take any"),
    ("stablehlo", "m.stablehlo", "", "--checkpoint: nothing at"),
    ("tflite", "m.tflite", "", "--format=tflite|flag --format"),
  ],
)
def test_mistakes_are_named(tmp_path, form, output, flags, message):
  (tmp_path / "dangling.onnx").symlink_to("nowhere")
  with pytest.raises(errors.UserError, match=message):
    run(tmp_path / "nowhere", form, tmp_path / output, *flags.split())


def test_missing_package_is_named_with_its_extra(checkpoints, path, uninstall):
  uninstall()
  with pytest.raises(
    errors.UserError, match=r"^onnx .*gatedinpaint-jax\[export"
  ):
    run(checkpoints[False], "onnx", path("onnx"))
  assert not path("onnx").exists()


def test_a_model_of_bfloat16_is_exported_in_float32():
  generator = inpaint_generator.InpaintGenerator(
    width=4, dtype=jnp.bfloat16, rematerialize=True
  )
  model = network.Network(
    network.in_float32(generator), small_checkpoint.calm_params(), ""
  )
  completed = jax.jit(network.complete(model))
  assert_equal_to_jax(
    lambda inputs: completed(**inputs), draw_inputs(guided=False)
  )


def test_exported_program_does_not_depend_on_the_machine_that_wrote_it():
  model = {"conv": "gated", "width": 4, "guided": False, "dtype": "float32"}
  config = ml_collections.ConfigDict({"model": model})
  params = small_checkpoint.calm_params()
  written = []
  for platform in ("cpu", "tpu"):
    generator, _ = build.build_networks(config, platform=platform)
    model = network.Network(network.in_float32(generator), params, "")
    inputs = network.inputs(model, height=64, width=64)
    jaxpr = jax.make_jaxpr(network.complete(model))(
      *(jnp.zeros((1, *x.shape[1:])) for x in inputs.values())
    )
    written.append(str(jaxpr))
  assert written[0] == written[1]
