"""`inpaint`: a person's mistakes end with one line and exit code 2."""

import os

import pytest

from gatedinpaint_jax import inpaint
from tests import inpaint_files, pictures


@pytest.mark.usefixtures("in_time")
@pytest.mark.parametrize(
  ("change", "parts"),
  [
    *(
      ({flag: None}, [f"error: --{flag} is missing"])
      for flag in ("image", "mask", "output", "checkpoint")
    ),
    ({"mask": "no.png"}, ["--mask=", "no.png", "no such file"]),
    ({"checkpoint": "no"}, ["--checkpoint", "nothing at"]),
    ({"checkpoint": "."}, ["holds no checkpoint"]),
    ({"output": "no/out.png"}, ["no folder", "create it"]),
    ({"output": "/proc/out.png"}, ["cannot be written", "/proc/out.png"]),
    ({"report": "no/report"}, ["--report", "cannot be written"]),
    ({"sketch": "mask.png"}, ["--sketch", "not guided"]),
    ({"mask": "small.png"}, ["10 wide and 10 high", "--resize_mask"]),
    ({"bucket": "12"}, ["--bucket=12", "multiple of 8"]),
    ({"batch_size": "0"}, ["--batch_size=0"]),
    ({"dilate_mask": "-1"}, ["--dilate_mask=-1"]),
    ({"checkpoint": None, "method": "photoshop"}, ["--method=photoshop"]),
    ({"method": "mean_fill"}, ["--checkpoint: cannot be combined"]),
    (
      {"checkpoint": None, "method": "mean_fill", "bucket": "16"},
      ["--bucket: cannot be combined"],
    ),
    ({"image": ""}, ["--image is empty"]),
    ({"report": ""}, ["--report is empty"]),
    ({"report": "out.png"}, ["--report", "picture of this run"]),
    ({"report": "hard_link"}, ["--report", "picture of this run"]),
    ({"report": "pipe"}, ["--report=pipe", "cannot be written"]),
    ({"output": "x" * 300 + "/o.png"}, ["File name too long"]),
    ({"checkpoint": "x" * 300}, ["File name too long"]),
  ],
)
def test_mistake_ends_with_one_line(
  checkpoint, tmp_path, refused, monkeypatch, change, parts
):
  pictures.write(tmp_path / "photo.png")
  inpaint_files.write_mask(tmp_path / "mask.png")
  inpaint_files.write_mask(tmp_path / "small.png", size=(10, 10))
  os.link(tmp_path / "mask.png", tmp_path / "hard_link")
  os.mkfifo(tmp_path / "pipe")
  monkeypatch.chdir(tmp_path)
  right = {
    "image": "photo.png",
    "mask": "mask.png",
    "output": "out.png",
    "checkpoint": checkpoint,
  }
  refused(inpaint, right | change, *parts)
