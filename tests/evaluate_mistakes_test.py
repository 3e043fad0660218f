"""`evaluate`: a person's mistakes end with one line and exit code 2."""

import pytest

from gatedinpaint_jax import evaluate
from tests import pictures


@pytest.fixture
def folder(tmp_path, monkeypatch):
  """Two photos, masks for both and others that do not fit."""
  for name in ("photos/a", "photos/b", "one/a"):
    pictures.write(tmp_path / f"{name}.png")
  for file in ("a.png", "b.png"):
    pictures.write(tmp_path / "small" / file, (8, 8))
    pictures.write(tmp_path / "masks" / file)
  for name in ("weights.pt", "notes.md", "sheet.png"):
    (tmp_path / name).write_bytes(b"no network")
  monkeypatch.chdir(tmp_path)
  return tmp_path


@pytest.mark.parametrize(
  ("flags", "parts"),
  [
    ("--images=no", ["--images=no", "no such file"]),
    ("--images=small", ["small/a.png: 8 wide and 8 high", "11"]),
    ("--masks=one", ["--masks=one: no file for b"]),
    ("--masks=small", ["small/a.png", "8 wide and 8 high", "32 wide and 24"]),
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
    ("--lpips --size=16x16", ["--size=16x16", "32"]),
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
    ("--output=r.json --completed=photos", ["--masks is missing"]),
    (
      "--output=masks/r.json --completed=masks --masks=rectangle",
      ["--output=masks/r.json", "--completed=masks for the next run"],
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


@pytest.mark.usefixtures("folder")
def test_missing_weights_are_named(refused):
  pytest.importorskip("torch", reason="of the extra `torch`")
  flags = "--images=photos --method=mean_fill --output=r.json"
  flags += " --fid_weights=no.pt"
  refused(evaluate, flags.split(), "--fid_weights=no.pt", "inception")


@pytest.mark.usefixtures("folder")
def test_completion_of_another_size_since_the_check_is_refused(
  refused, monkeypatch
):
  monkeypatch.setattr(evaluate.cases, "check_completed", lambda *_: None)
  flags = "--images=photos --completed=small --masks=masks --output=r.json"
  refused(evaluate, flags.split(), "small/a.png: the completed picture is 8")


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
