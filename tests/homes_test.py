"""Programs of people without a home, and files whose names begin with ~."""

import pytest

from gatedinpaint_jax import (
  errors,
  evaluate,
  export_weights,
  import_weights,
  inpaint,
)
from gatedinpaint_jax.inference import compilation_cache, inpainter
from gatedinpaint_jax.training import workdir
from tests import homes, inpaint_files, pictures, programs

INPAINT = {"image": "~photo.png", "mask": "~mask.png", "method": "mean_fill"}
EVALUATE = {"images": "~photo.png", "method": "mean_fill"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
  """A photo, its mask, and nobody's home."""
  pictures.write(tmp_path / "~photo.png")
  inpaint_files.write_mask(tmp_path / "~mask.png")
  homes.leave_none(monkeypatch)
  monkeypatch.chdir(tmp_path)
  return tmp_path


# JAX asks for the user when it writes the cache of the tests.
@pytest.mark.filterwarnings("ignore:Error writing persistent compilation cache")
def test_programs_run_without_a_home_on_names_that_begin_with_a_tilde(
  folder, checkpoint
):
  for program, output, flags in (
    (inpaint, "~a.png", INPAINT),
    (evaluate, "~b.json", EVALUATE),
    (export_weights, "~c.safetensors", {"checkpoint": checkpoint}),
    (import_weights, "~d", {"source": "~c.safetensors"}),
  ):
    programs.run(program, output=output, **flags)
    assert (folder / output).exists()
  assert inpainter.Inpainter.from_checkpoint("~d").guided is False
  assert compilation_cache.folder("compiled") is None
  workdir.make("~run", folders=["checkpoints"])
  assert (folder / "~run" / "checkpoints").is_dir()


@pytest.mark.parametrize(
  ("program", "flags"),
  [
    (inpaint, INPAINT),
    (evaluate, EVALUATE),
    (export_weights, {"checkpoint": "~d"}),
    (import_weights, {"source": "~c.safetensors"}),
  ],
)
@pytest.mark.usefixtures("folder")
def test_path_below_a_home_that_is_missing_is_told(refused, program, flags):
  refused(program, {**flags, "output": "~/o"}, "~/o: there is no home folder")
  with pytest.raises(errors.UserError, match="=~/run: there is no home"):
    workdir.make("~/run", folders=[])
