import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax.training import workdir
from tests import processes


def test_url_is_refused_and_makes_no_folder(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  with pytest.raises(
    errors.UserError, match=r"^`workdir`=gs://bucket/run: .*by NFS"
  ):
    workdir.make("gs://bucket/run", folders=("strips",))
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("in_the_way", ["", "strips"])
def test_folder_that_cannot_be_written_is_named(tmp_path, in_the_way):
  path = tmp_path / "run" / in_the_way
  path.parent.mkdir(exist_ok=True)
  path.write_text("")
  with pytest.raises(errors.UserError, match=r"^`workdir`=.*cannot be written"):
    workdir.make(tmp_path / "run", folders=("strips",))


def test_second_run_is_refused_while_the_first_lasts(tmp_path):
  with workdir.locked(tmp_path):
    with pytest.raises(errors.UserError, match="another run is writing"):
      with workdir.locked(tmp_path):
        pass
  with workdir.locked(tmp_path):
    pass


def test_killed_run_holds_nothing(tmp_path):
  program = (
    "import os, signal, sys\n"
    "from gatedinpaint_jax.training import workdir\n"
    "with workdir.locked(__import__('pathlib').Path(sys.argv[1])):\n"
    "  os.kill(os.getpid(), signal.SIGKILL)\n"
  )
  child = processes.run("-c", program, tmp_path)
  assert child.returncode == -9
  assert (tmp_path / "lock").exists()
  with workdir.locked(tmp_path):
    pass
