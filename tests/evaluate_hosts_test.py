"""`evaluate` as two processes: the numbers are those of one.

Takes a minute: `python -m pytest -m slow`.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys

import pytest
from PIL import Image

from gatedinpaint_jax import command_line, evaluate
from gatedinpaint_jax.evaluation import share
from gatedinpaint_jax.training import hosts
from tests import pictures, processes, small_checkpoint

# Batches of 2 are not full, and one process has more of them.
SIZES = [(24, 32)] * 7 + [(16, 24)] * 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  folder = tmp_path_factory.mktemp("hosts")
  (folder / "photos").mkdir()
  for i, size in enumerate(SIZES):
    pixels = pictures.noise(*size, seed=i)
    Image.fromarray(pixels).save(folder / "photos" / f"{i}.png")
  small_checkpoint.write(folder / "calm", params=small_checkpoint.calm_params)
  return folder


def start(folder, *flags, count, of_last=()):
  """Starts one evaluation in `count` processes of one device each."""
  with socket.socket() as free:
    free.bind(("localhost", 0))
    port = free.getsockname()[1]
  started = []
  for process in range(count):
    joining = (
      "--distributed",
      f"--coordinator=localhost:{port}",
      f"--processes={count}",
      f"--process={process}",
    )
    with open(processes.log_of(folder, process), "w") as log:
      started.append(
        subprocess.Popen(
          [
            *(sys.executable, "-m", "gatedinpaint_jax.evaluate"),
            *(joining if count > 1 else ()),
            *("--images=photos", "--batch_size=2", *flags),
            *(of_last if process == count - 1 else ()),
          ],
          cwd=folder,
          env={
            **os.environ,
            "PYTHONPATH": str(processes.ROOT),
            "JAX_PLATFORMS": "cpu",
            "XLA_FLAGS": "--xla_force_host_platform_device_count=1",
            "XDG_CACHE_HOME": str(folder / "cache"),
          },
          stdout=log,
          stderr=log,
        )
      )
  return started


def read_logs(folder, count):
  return [processes.log_of(folder, i).read_text() for i in range(count)]


@pytest.mark.slow
def test_two_processes_find_what_one_finds(folder):
  subjects = ("--method=mean_fill", "--checkpoint=calm")
  for count in (1, 2):
    started = start(folder, *subjects, f"--output={count}.json", count=count)
    codes = processes.wait(started)
    logs = read_logs(folder, count)
    assert codes == [0] * count, logs
  one, two = (
    json.loads((folder / f"{count}.json").read_text()) for count in (1, 2)
  )
  assert one == two
  for suffix in ("md", "png"):
    first = (folder / f"1.{suffix}").read_bytes()
    assert (folder / f"2.{suffix}").read_bytes() == first
  # The first process alone tells and writes.
  assert "# Side by side" in logs[0] and "Side by side" not in logs[1]


@pytest.mark.slow
@pytest.mark.parametrize(
  ("of_last", "damaged", "said"),
  [
    ((), "3", "damaged/3.png: damaged or cut short"),
    (
      ("--method=opencv_telea",),
      None,
      "--distributed: the processes have different",
    ),
  ],
)
def test_mistake_of_one_process_ends_all(folder, of_last, damaged, said):
  (folder / "damaged").mkdir(exist_ok=True)
  for path in (folder / "photos").iterdir():
    data = path.read_bytes()
    # Its header can be read, so that it is one process that finds out.
    end = len(data) // 2 if path.stem == damaged else None
    (folder / "damaged" / path.name).write_bytes(data[:end])
  started = start(
    folder,
    *("--method=mean_fill", "--images=damaged", "--output=no.json"),
    count=2,
    of_last=of_last,
  )
  assert processes.wait(started, timeout=120) == [2, 2]
  for log in read_logs(folder, 2):
    assert said in log and "Traceback" not in log
  assert not (folder / "no.json").exists()


def test_order_and_steps_of_subjects_must_be_alike(
  monkeypatch, capsys, tmp_path
):
  monkeypatch.chdir(tmp_path)
  Image.fromarray(pictures.noise(24, 32)).save("photo.png")
  said = []

  class Pretended(share.Share):
    def gather(self, name, make):
      said.append(make())
      return said[-1:]

  monkeypatch.setattr(share, "WHOLE", Pretended())
  small_checkpoint.write(tmp_path / "run")
  for subject in (
    ["--method=mean_fill", "--method=opencv_telea"],
    ["--method=opencv_telea", "--method=mean_fill"],
    ["--checkpoint=run"],
  ):
    flags = ["--images=photo.png", "--write_masks=masks", "--output=r.json"]
    assert evaluate.main(["evaluate", *flags, *subject]) == 0
  asked = [x[1] for x in said if isinstance(x, tuple)]
  assert asked == [
    [("method", "mean_fill", None), ("method", "opencv_telea", None)],
    [("method", "opencv_telea", None), ("method", "mean_fill", None)],
    [("checkpoint", "run", "0")],
  ]


def test_sigterm_ends_a_process_as_usual(monkeypatch):
  """JAX catches it for runs that save first."""
  kept = signal.getsignal(signal.SIGTERM)
  caught = lambda **_: signal.signal(signal.SIGTERM, signal.SIG_IGN)
  found = []
  note = lambda *_: found.append(signal.getsignal(signal.SIGTERM)) or 0
  monkeypatch.setattr(hosts, "join", caught)
  monkeypatch.setattr(evaluate, "_run", note)
  flags = ["--images=x", "--method=mean_fill", "--output=r.json"]
  try:
    assert evaluate.main(["evaluate", "--distributed", *flags]) == 0
  finally:
    signal.signal(signal.SIGTERM, kept)
  assert found == [signal.SIG_DFL]


@pytest.mark.parametrize("flag", ["--processes=2", "--process=0"])
def test_flags_of_processes_go_with_distributed(capsys, monkeypatch, flag):
  arguments = ["--images=x", "--method=mean_fill", "--output=r.json", flag]
  monkeypatch.setattr(sys, "argv", ["evaluate", *arguments])
  with pytest.raises(SystemExit) as exit_:
    command_line.run(evaluate.main)
  assert exit_.value.code == 2
  assert "goes with --distributed" in capsys.readouterr().err


def test_shares_have_every_batch_once():
  shares = [share.Share(i, 3) for i in range(3)]
  for batch in range(10):
    assert sum(s.has(batch) for s in shares) == 1
  assert [s.is_first for s in shares] == [True, False, False]


def test_one_process_calls_what_is_to_be_gathered():
  assert share.WHOLE.gather("x", lambda: pathlib.Path("a")) == [
    pathlib.Path("a")
  ]
