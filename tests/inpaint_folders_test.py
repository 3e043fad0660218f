"""`inpaint`: folders of pictures that run unattended."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from gatedinpaint_jax import terminal
from gatedinpaint_jax.inference import openvino_backend
from tests import pictures, processes
from tests.inpaint_files import SIZE, read, run, write_mask


def make_many(folder, count):
  for i in range(count):
    size = SIZE if i % 3 else (16, 24)
    pictures.write(folder / "photos" / f"{i}.png", seed=i, size=size)
    write_mask(folder / "masks" / f"{i}.png", size=size)
  return (
    f"--image={folder / 'photos'}",
    f"--mask={folder / 'masks'}",
    f"--output={folder / 'out'}",
  )


def test_failing_files_are_told_at_the_end_and_stop_nothing(
  checkpoint, tmp_path, monkeypatch, capsys
):
  monkeypatch.setattr(terminal, "_SECONDS_PER_LINE", 0)
  arguments = (*make_many(tmp_path, 9), f"--checkpoint={checkpoint}")
  photos = tmp_path / "photos"
  (photos / "0.png").write_text("a text")
  (photos / "1.png").write_bytes(b"")
  write_mask(tmp_path / "masks" / "2.png", size=(10, 10))
  (photos / "9.png").mkdir()
  write_mask(tmp_path / "masks" / "9.png")
  pictures.write(photos / "10.png")
  report = tmp_path / "report.jsonl"
  assert run(*arguments, f"--report={report}", "--batch_size=2") == 1
  printed = capsys.readouterr()
  assert "6 pictures done, 5 failed" in printed.out
  assert "11 of 11 pictures\n" in printed.err
  reasons = [
    line for line in printed.err.splitlines() if line.startswith("failed: ")
  ]
  assert len(reasons) == 5
  for reason in (
    "0.png: not a picture",
    "1.png: empty file",
    "2.png: the mask is 10 wide and 10 high",
    "9.png: a folder",
    "10.png: no mask named 10.*",
  ):
    assert any(reason in line for line in reasons), reason
  assert len(list((tmp_path / "out").iterdir())) == 6

  lines = [json.loads(line) for line in report.read_text().splitlines()]
  assert len(lines) == 11
  done = [line for line in lines if line["status"] == "done"]
  assert {line["image"] for line in done} == {
    str(photos / f"{i}.png") for i in range(3, 9)
  }
  assert (done[0]["height"], done[0]["width"]) in (SIZE, (16, 24))
  assert done[0]["hole_fraction"] == 0.25 and done[0]["seconds"] > 0
  assert done[0]["checkpoint"] == str(checkpoint)
  backend = "openvino" if openvino_backend.is_installed() else "jax"
  assert {line["backend"] for line in done} == {backend}

  # A second run does what is left, and reports that alone.
  pictures.write(photos / "0.png", size=(16, 24))
  assert run(*arguments, f"--report={report}") == 1
  assert "6 of 11 results exist" in capsys.readouterr().out
  lines = [json.loads(line) for line in report.read_text().splitlines()]
  assert [line["status"] for line in lines[11:]].count("done") == 1
  assert len(lines) == 16

  # The last one of many that fails again is no mistake in the flags.
  for name in ("1.png", "2.png", "10.png"):
    (photos / name).unlink()
  assert run(*arguments) == 1
  assert "0 pictures done, 1 failed" in capsys.readouterr().out


@pytest.mark.slow
def test_killed_run_leaves_whole_pictures_and_goes_on(checkpoint, tmp_path):
  arguments = (*make_many(tmp_path, 40), f"--checkpoint={checkpoint}")
  out = tmp_path / "out"
  child = subprocess.Popen(
    [sys.executable, "-m", "gatedinpaint_jax.inpaint", *arguments],
    env={**os.environ, "PYTHONPATH": str(processes.ROOT)},
    stderr=subprocess.PIPE,
  )
  while len(list(out.glob("*.png"))) < 5:
    assert child.poll() is None, child.stderr.read()
    time.sleep(0.002)
  child.send_signal(signal.SIGKILL)
  child.communicate()
  done = {path: path.read_bytes() for path in out.glob("*.png")}
  assert 5 <= len(done) < 40
  for path in done:
    assert read(path).shape in ((*SIZE, 3), (16, 24, 3))
  assert run(*arguments) == 0
  assert len(list(out.iterdir())) == len(list(out.glob("*.png"))) == 40
  assert done == {path: path.read_bytes() for path in done}


def test_picture_too_large_for_memory_is_told_and_stops_nothing(
  checkpoint, tmp_path, monkeypatch, capsys
):
  arguments = (*make_many(tmp_path, 4), f"--checkpoint={checkpoint}")
  monkeypatch.setattr(
    "gatedinpaint_jax.inference.memory.available", lambda: 300_000
  )
  assert run(*arguments, "--backend=jax", "--batch_size=2") == 1
  printed = capsys.readouterr()
  # 24 x 32 needs more than that, 16 x 24 does not, two of these do.
  assert "2 pictures done, 2 failed" in printed.out
  assert "choose --large=detail" in printed.err
