"""A program that is killed while it saves leaves what was there.

It is killed at each rename of a finished temporary file to its result, which is
the last moment before the result is there.
"""

import pytest

from tests import pictures, processes, small_checkpoint

PROGRAM = """
import os, signal, sys
from gatedinpaint_jax import {program}
left, rename = {renames}, os.replace
def replace(*paths):
  global left
  if left == 0:
    os.kill(os.getpid(), signal.SIGKILL)
  left -= 1
  rename(*paths)
os.replace = replace
sys.exit({program}.main(["{program}", *{flags}]))
"""


def run(program, flags, renames):
  flags = [f"--{name}={value}" for name, value in flags.items()]
  text = PROGRAM.format(program=program, renames=renames, flags=flags)
  return processes.run("-c", text)


def evaluate(folder):
  pictures.write(folder / "photos" / "a.png")
  flags = {"method": "mean_fill", "images": folder / "photos"}
  return flags | {"output": folder / "results" / "a.json"}


def export(folder, output, **flags):
  flags["checkpoint"] = small_checkpoint.write(folder / "model")
  return flags | {"output": folder / "results" / output}


CASES = {
  "evaluate": evaluate,
  "export_model": lambda folder: export(folder, "a.onnx", format="onnx"),
  "export_weights": lambda folder: export(folder, "a.safetensors"),
}


@pytest.mark.slow
@pytest.mark.parametrize("program", CASES)
def test_program_killed_in_a_save_leaves_what_was_there(program, tmp_path):
  flags = CASES[program](tmp_path)
  results = tmp_path / "results"
  results.mkdir()
  done = run(program, flags, renames=-1)
  assert done.returncode == 0, done.stderr
  whole = {path.name: path.read_bytes() for path in results.iterdir()}
  for renames in range(len(whole)):
    for path in results.iterdir():
      path.write_text("before")
    killed = run(program, flags | {"overwrite": "true"}, renames)
    assert killed.returncode == -9, killed.stderr
    found = {path.name: path.read_bytes() for path in results.iterdir()}
    visible = {n: data for n, data in found.items() if not n.startswith(".")}
    assert visible.keys() == whole.keys()
    saved = [name for name, data in visible.items() if data != b"before"]
    assert len(saved) == renames
    assert all(visible[name] == whole[name] for name in saved)
