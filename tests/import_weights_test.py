"""The program, on golden weights as other programs save them."""

import resource

import numpy as np
import pytest
from PIL import Image

from gatedinpaint_jax import errors, import_weights, inpaint
from gatedinpaint_jax.training import checkpoint_reader
from gatedinpaint_jax.weights import names
from tests import processes, programs, released, weight_files


def run(source, output):
  programs.run(import_weights, source=source, output=output)


@pytest.fixture(scope="module", params=["plain", "guided"])
def imported(request, tmp_path_factory):
  """A released checkpoint that was imported: (kind, the output's folder)."""
  folder = tmp_path_factory.mktemp(request.param)
  entries = weight_files.released_entries(request.param)
  weight_files.write_tensorflow(folder / "snap-0", entries)
  (folder / "checkpoint").write_text('model_checkpoint_path: "snap-0"\n')
  run(folder, folder / "out")
  return request.param, folder / "out"


def trees_of(model):
  """Returns what a `SavedModel` holds, without what it holds not."""
  names_of_trees = ("generator", "discriminator", "spectral")
  trees = {name: getattr(model, name) for name in names_of_trees}
  return {name: tree for name, tree in trees.items() if tree is not None}


def test_released_checkpoint_comes_back_with_its_discriminator(imported):
  kind, output = imported
  model = checkpoint_reader.read(output, with_discriminator=True)
  assert model.config == {
    "model": names.released_model(guided=kind == "guided"),
    "imported_from": "snap-0.index",
  }
  weight_files.assert_golden(trees_of(model), kind, with_discriminator=True)


@pytest.mark.optimized
def test_command_line_gives_the_released_picture(imported, tmp_path):
  kind, output = imported
  golden = released.load(
    "generator_guided_64x96" if kind == "guided" else "generator_72x136"
  )
  names_of_parts = ["image", "sketch", "mask"]
  if kind == "plain":
    names_of_parts.remove("sketch")
  parts = np.split(golden["server_input"][0], len(names_of_parts), axis=1)
  pixels = {}
  for name, part in zip(names_of_parts, parts, strict=True):
    pixels[name] = part[..., ::-1].astype(np.uint8)
    Image.fromarray(pixels[name]).save(tmp_path / f"{name}.png")
  files = {name: tmp_path / f"{name}.png" for name in (*pixels, "output")}
  programs.run(inpaint, checkpoint=output, **files)
  completed = np.asarray(Image.open(tmp_path / "output.png"))
  theirs = golden["uint8_bgr"].reshape(completed.shape)[..., ::-1]
  hole = pixels["mask"][..., 0] >= 128
  difference = completed[hole].astype(int) - theirs[hole]
  # They truncate, we round.
  assert difference.min() >= 0 and difference.max() == 1
  np.testing.assert_array_equal(completed[~hole], pixels["image"][~hole])


def test_checkpoint_without_a_discriminator_is_a_generator(tmp_path, capsys):
  entries = weight_files.released_entries("plain", with_discriminator=False)
  weight_files.write_tensorflow(tmp_path / "snap-9", entries)
  output = tmp_path / "the output"
  run(tmp_path / "snap-9", output)
  model = checkpoint_reader.read(output, with_discriminator=True)
  weight_files.assert_golden(trees_of(model), "plain", with_discriminator=False)
  printed = capsys.readouterr().out
  assert "generator: 4,052,478 parameters\n" in printed
  assert "discriminator:" not in printed
  assert printed.splitlines()[-1] == (
    f"{output}/checkpoints/0 holds the plain generator, no discriminator; use "
    "it with: python -m gatedinpaint_jax.inpaint --image photo.jpg --mask "
    f"mask.png --output out.png --checkpoint '{output}'"
  )


def test_guided_port_file_is_imported(tmp_path, capsys):
  torch = pytest.importorskip("torch")
  entries = weight_files.port_entries("guided")
  state = {name: torch.from_numpy(array) for name, array in entries.items()}
  torch.save({"G": state, "D": {}, "n_iter": 3}, tmp_path / "port.pth")
  run(tmp_path / "port.pth", tmp_path / "out")
  model = checkpoint_reader.read(tmp_path / "out", with_discriminator=True)
  weight_files.assert_golden(
    trees_of(model), "guided", with_discriminator=False
  )
  assert model.config["imported_from"] == "port.pth"
  printed = capsys.readouterr().out
  assert "left out, because only the generator is read: D, n_iter" in printed
  assert "--sketch sketch.png" in printed


def write_port(path, **changes):
  entries = weight_files.port_entries("plain") | changes
  return weight_files.write_safetensors(path, entries)


def test_output_that_cannot_be_written_is_named(tmp_path):
  source = write_port(tmp_path / "w.safetensors")
  (tmp_path / "out").write_text("a file")
  with pytest.raises(
    errors.UserError, match=r"--output=.*/out/checkpoints: cannot"
  ):
    run(source, tmp_path / "out")


def test_output_that_holds_a_checkpoint_is_refused(checkpoint):
  with pytest.raises(errors.UserError, match=r"--output=.*already holds"):
    run("/nowhere", checkpoint)


def test_import_that_fails_writes_nothing(tmp_path):
  nan = np.full(3, np.nan, np.float32)
  source = write_port(tmp_path / "w.safetensors", **{"conv17.conv.bias": nan})
  with pytest.raises(errors.UserError, match=r"conv17\.conv\.bias .*finite"):
    run(source, tmp_path / "out")
  assert not (tmp_path / "out").exists()


def test_disk_without_room_is_one_line(tmp_path, refused, monkeypatch):
  source = write_port(tmp_path / "w.safetensors")
  (tmp_path / "here").mkdir()
  monkeypatch.chdir(tmp_path / "here")
  before = resource.getrlimit(resource.RLIMIT_FSIZE)
  resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, before[1]))
  try:
    flags = {"source": source, "output": "../out"}
    refused(import_weights, flags, "--output=../out", "File too large")
  finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
  assert not any((tmp_path / "out" / "checkpoints").iterdir())


def test_mistake_is_one_line_and_exit_code_two(tmp_path, refused, monkeypatch):
  monkeypatch.chdir(tmp_path)
  (tmp_path / "snap-0.index").write_text("no checkpoint")
  refused(import_weights, {"source": "x"}, "--output is missing")
  flags = {"source": tmp_path, "output": "out"}
  refused(import_weights, flags, "error: --source: TensorFlow cannot")


def test_import_of_safetensors_loads_neither_tensorflow_nor_torch(tmp_path):
  source = write_port(tmp_path / "w.safetensors")
  program = """
import json, sys
from gatedinpaint_jax import import_weights
code = import_weights.main(["import_weights", *sys.argv[1:]])
loaded = [name for name in ("tensorflow", "torch") if name in sys.modules]
sys.exit(json.dumps(loaded) if loaded else code)
"""
  flags = [f"--source={source}", f"--output={tmp_path}/out"]
  done = processes.run("-c", program, *flags)
  assert done.returncode == 0, done.stderr
