"""`evaluate`: a person's mistakes end with one line and exit code 2."""

import importlib.util

import pytest
from PIL import Image

from gatedinpaint_jax import evaluate
from tests import pictures


@pytest.fixture
def folder(tmp_path, monkeypatch):
  """Two photos, masks for both and others that do not fit."""
  for name in ("photos/a", "photos/b", "one/a", "other/a", "other/x"):
    pictures.write(tmp_path / f"{name}.png")
  for file in ("a.png", "b.png"):
    pictures.write(tmp_path / "small" / file, (8, 8))
    pictures.write(tmp_path / "masks" / file)
    pictures.write(tmp_path / "grey" / file)
    Image.new("RGB", (32, 24), (127, 127, 127)).save(tmp_path / "grey" / file)
  (tmp_path / "empty").mkdir()
  (tmp_path / "broken").mkdir()
  (tmp_path / "broken" / "a.png").write_bytes(b"")
  for name in ("weights.pt", "notes.md", "sheet.png"):
    (tmp_path / name).write_bytes(b"no network")
  monkeypatch.chdir(tmp_path)
  return tmp_path


@pytest.mark.parametrize(
  ("flags", "parts"),
  [
    ("--images=no", ["--images=no", "no such file"]),
    ("--images=empty", ["no picture below"]),
    ("--images=broken", ["broken/a.png", "empty file"]),
    ("--images=small", ["small/a.png: 8 wide and 8 high", "11"]),
    ("--masks=no", ["--masks=no", "no such file"]),
    ("--masks=one", ["--masks=one: no file for b"]),
    ("--masks=small", ["small/a.png", "8 wide and 8 high", "32 wide and 24"]),
    ("--masks=grey", ["grey all over"]),
    ("--method=photoshop", ["--method=photoshop", "mean_fill"]),
    ("--checkpoint=photos", ["--checkpoint", "holds no checkpoint"]),
    ("--size=24", ["--size=24", "256x256"]),
    ("--size=8x24", ["--size=8x24", "11"]),
    ("--size=99999999999x99999999999", ["--size=9", "at most"]),
    ("--output=report.txt", [".json"]),
    ("--output=no/report.json", ["--output=no/report.json"]),
    ("--output=notes.json", ["--output=notes.md: exists; --overwrite"]),
    ("--output=sheet.json", ["--output=sheet.png: exists; --overwrite"]),
    ("--write_masks=small", ["--write_masks: small/a.png: exists; --overw"]),
    ("--images=", ["--images is empty"]),
    ("--mask_seed=-1", ["--mask_seed=-1"]),
    ("--mask_seed=0 --masks=photos", ["--mask_seed=0", "--masks=photos"]),
    ("--batch_size=0", ["--batch_size=0"]),
    ("--write_masks=photos", ["--write_masks=photos", "a.png"]),
    ("--write_masks=weights.pt", ["weights.pt"]),
    ("--write_masks=photos/masks", ["--write_masks=photos/masks", "next"]),
    ("--output=photos/r.json", ["--output=photos/r.json", "next run"]),
    (
      "--images=photos/*.png --output=photos/r.json",
      ["--output=photos/r.json", "--images=photos/*.png for the next run"],
    ),
    (
      "--masks=masks --output=masks/r.json",
      ["--output=masks/r.json", "--masks=masks for the next run"],
    ),
    (
      "--images=photos/a.png --output=photos/a.json",
      ["--output=photos/a.json", "is a picture of this run"],
    ),
    pytest.param(
      "--fid_weights=no.pt",
      ["--fid_weights=no.pt", "inception"],
      marks=pytest.mark.skipif(
        importlib.util.find_spec("torch") is None,
        reason="needs the extra `torch`",
      ),
    ),
    ("--lpips --size=16x16", ["--size=16x16", "32"]),
    ("--mask=x", ["did you mean --masks?"]),
  ],
)
@pytest.mark.usefixtures("folder")
def test_mistake_ends_with_one_line(refused, flags, parts):
  right = "--images=photos --method=mean_fill --output=report.json"
  refused(evaluate, f"{right} {flags}".split(), *parts)


@pytest.mark.parametrize(
  ("flags", "parts"),
  [
    ("--output=r.json", ["nothing to evaluate"]),
    ("--method=mean_fill", ["--output is missing"]),
    ("--output=r.json --checkpoint=no", ["--checkpoint", "nothing at"]),
    ("--output=r.json --completed=photos", ["--masks is missing"]),
    (
      "--output=r.json --completed=other --masks=photos",
      ["--completed=other: no file for b"],
    ),
    (
      "--output=r.json --completed=small --masks=rectangle",
      ["small/a.png", "8 wide and 8 high", "32 wide and 24"],
    ),
    (
      "--output=grey/r.json --completed=grey --masks=rectangle",
      ["--output=grey/r.json", "--completed=grey for the next run"],
    ),
    ("--write_masks=new --lpips", ["--lpips", "leave it out"]),
    (
      "--write_masks=new --fid_weights=weights.pt",
      ["--fid_weights", "leave it out"],
    ),
  ],
)
@pytest.mark.usefixtures("folder")
def test_mistake_about_the_subject_ends_with_one_line(refused, flags, parts):
  refused(evaluate, ["--images=photos", *flags.split()], *parts)


@pytest.mark.parametrize(
  ("package", "extra", "flags"),
  [
    ("dm_pix", "evaluate", {"method": "mean_fill"}),
    ("cv2", "classical", {"method": "opencv_telea"}),
    ("jaxlpips", "lpips", {"method": "mean_fill", "lpips": "true"}),
    ("torch", "torch", {"method": "mean_fill", "fid_weights": "weights.pt"}),
  ],
)
@pytest.mark.usefixtures("folder")
def test_missing_package_is_named_with_its_extra(
  refused, uninstall, package, extra, flags
):
  uninstall(package)
  flags = {"images": "photos", "output": "r.json", "size": "32x32", **flags}
  refused(evaluate, flags, f"{package} is not installed", f"[{extra}]")
