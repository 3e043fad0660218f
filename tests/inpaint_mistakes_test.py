"""`inpaint`: a person's mistakes end with one line and exit code 2."""

import os

import pytest
from PIL import Image

from gatedinpaint_jax import inpaint
from tests import inpaint_files, pictures


@pytest.fixture
def folder(tmp_path):
  """A photo and its mask."""
  pictures.write(tmp_path / "photo.png")
  inpaint_files.write_mask(tmp_path / "mask.png")
  return tmp_path


@pytest.mark.parametrize(
  ("change", "parts"),
  [
    *(
      ({flag: None}, [f"error: --{flag} is missing"])
      for flag in ("image", "mask", "output", "checkpoint")
    ),
    ({"image": "no.png"}, ["--image=", "no.png", "no such file"]),
    ({"mask": "no.png"}, ["--mask=", "no.png", "no such file"]),
    ({"sketch": "no.png"}, ["--sketch=", "no.png", "no such file"]),
    ({"checkpoint": "no"}, ["--checkpoint", "nothing at"]),
    ({"checkpoint": "."}, ["holds no checkpoint"]),
    ({"output": "no/out.png"}, ["no folder", "create it"]),
    ({"output": "/proc/out.png"}, ["cannot be written", "/proc/out.png"]),
    ({"report": "no/report"}, ["--report", "cannot be written"]),
    ({"sketch": "mask.png"}, ["--sketch", "not guided"]),
    ({"mask": "grey.png"}, ["grey.png", "grey all over"]),
    (
      {"mask": "small.png"},
      ["10 wide and 10 high", "32 wide", "--resize_mask"],
    ),
    ({"bucket": "12"}, ["--bucket=12", "multiple of 8"]),
    ({"batch_size": "0"}, ["--batch_size=0"]),
    ({"dilate_mask": "-1"}, ["--dilate_mask=-1"]),
    ({"checkpoint": None, "method": "photoshop"}, ["--method=photoshop"]),
    ({"method": "mean_fill"}, ["--checkpoint: cannot be combined"]),
    *(
      (
        {"checkpoint": None, "method": "mean_fill", flag: value},
        [f"--{flag}: cannot be combined"],
      )
      for flag, value in (
        ("sketch", "mask.png"),
        ("backend", "openvino"),
        ("bucket", "16"),
      )
    ),
    ({"imaeg": "x"}, ["did you mean --image?"]),
    ({"image": ""}, ["--image is empty"]),
    ({"report": ""}, ["--report is empty"]),
    ({"report": "photo.png"}, ["--report", "picture of this run"]),
    ({"report": "out.png"}, ["--report", "picture of this run"]),
    ({"report": "hard_link"}, ["--report", "picture of this run"]),
    ({"report": "pipe"}, ["--report=pipe", "cannot be written"]),
    ({"output": "x" * 300 + "/o.png"}, ["File name too long"]),
    ({"checkpoint": "x" * 300}, ["File name too long"]),
  ],
)
def test_mistake_ends_with_one_line(
  checkpoint, folder, refused, monkeypatch, change, parts
):
  Image.new("L", (32, 24), 127).save(folder / "grey.png")
  Image.new("L", (10, 10), 255).save(folder / "small.png")
  os.link(folder / "mask.png", folder / "hard_link")
  os.mkfifo(folder / "pipe")
  monkeypatch.chdir(folder)
  right = {
    "image": "photo.png",
    "mask": "mask.png",
    "output": "out.png",
    "checkpoint": checkpoint,
  }
  refused(inpaint, right | change, *parts)
