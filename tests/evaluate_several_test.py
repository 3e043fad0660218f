"""`evaluate` with several subjects: one report, the same pictures and masks."""

import gc
import json
import pathlib
import weakref

import pytest
from PIL import Image

from gatedinpaint_jax import evaluate
from gatedinpaint_jax.evaluation import report, subjects
from tests import pictures, programs, small_checkpoint

SIZES = [(24, 32)] * 7 + [(16, 24)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  """Photos, masks that were drawn for them, and two kinds of results."""
  folder = tmp_path_factory.mktemp("several")
  for name in ("photos", "white", "mean_fill"):
    (folder / name).mkdir()
  for i, size in enumerate(SIZES):
    pixels = pictures.noise(*size, seed=i)
    for name, image in (("photos", pixels), ("white", pixels | 255)):
      Image.fromarray(image).save(folder / name / f"{i}.png")
    Image.fromarray(pixels // 2).save(folder / "mean_fill" / f"{i}.png")
  small_checkpoint.write(folder / "calm", params=small_checkpoint.calm_params)
  return folder


@pytest.fixture(autouse=True)
def in_the_folder(folder, monkeypatch):
  monkeypatch.chdir(folder)


def run(output, *arguments):
  programs.run(evaluate, *arguments, images="photos", output=output)
  return json.loads(pathlib.Path(output).read_text())


MIXED = (
  "--method=mean_fill",
  "--checkpoint=calm",
  "--completed=white",
  "--method=opencv_telea",
)
NAMES = ["mean_fill", "calm", "white", "opencv_telea"]


@pytest.fixture(scope="module")
def mixed(folder, tmp_path_factory):
  """The folder of a report of four subjects of all kinds."""
  output = tmp_path_factory.mktemp("mixed") / "a.json"
  with pytest.MonkeyPatch.context() as patch:
    patch.chdir(folder)
    run(output, *MIXED, "--masks=free_form")
  return output.parent


def test_each_subject_has_the_report_that_it_has_alone(mixed, tmp_path):
  content = json.loads((mixed / "a.json").read_text())
  assert list(content["subjects"]) == NAMES
  for argument, name in zip(MIXED, NAMES, strict=True):
    alone = run(tmp_path / "b.json", argument, "--masks=free_form")
    assert content["subjects"][name] == alone


def test_each_is_compared_with_the_first_picture_by_picture(mixed):
  content = json.loads((mixed / "a.json").read_text())
  compared = content["comparison"]
  assert compared["differences_to"] == NAMES[0]
  assert list(compared["differences"]) == NAMES[1:]
  scores = [content["subjects"][n]["scores"] for n in ("white", "mean_fill")]
  for part in ("whole", "hole"):
    white, mean_fill = (score[part]["relative_l1"]["mean"] for score in scores)
    found = compared["differences"]["white"][part]["relative_l1"]
    assert found["mean"] == pytest.approx(white - mean_fill, abs=1e-3), part


def test_tables_have_a_row_and_the_grid_a_column_for_each(mixed):
  with Image.open(mixed / "a.png") as grid:
    # The smaller pictures become 96 x 144, the larger ones 96 x 128.
    assert grid.size == (6 * (144 + 4) - 4, 16 + 6 * (16 + 96))
  page = (mixed / "a.md").read_text()
  content = json.loads((mixed / "a.json").read_text())
  rows = [
    line.split(" | ")[0][2:] for line in page.splitlines() if line[:2] == "| "
  ]
  labels = ["mean_fill", "calm, step 0", "white", "opencv_telea"]
  assert rows == [
    *(["Subject", *labels] * 2),
    *(["Subject", *NAMES[1:]] * 2),
    *["Subject", *labels],
  ]
  assert "Each minus mean_fill, picture by picture" in page
  assert "relative l1, points" in page and "LPIPS" not in page
  assert "| 0-10 % (2) |" in page and "| 50-60 % (1) |" in page
  telea = content["subjects"]["opencv_telea"]["scores"]["hole"]["psnr"]
  assert f"| {telea['mean']:.4g} [" in page.partition("Over the hole:")[2]
  assert "white changed known pixels in 8 pictures." in page
  alone = report.to_markdown(content["subjects"]["white"])
  assert "8 pictures have known pixels that differ" in alone
  digest = content["subjects"]["calm"]["masks"]["digest"]
  assert digest in page and "8 pictures of photos" in page


def test_further_scores_are_columns(monkeypatch, tmp_path):
  pytest.importorskip("torch", reason="of the extra `torch`")
  monkeypatch.setattr(
    evaluate.perceptual,
    "load",
    lambda: lambda image, reference: float(image.mean()),
  )
  monkeypatch.setattr(evaluate.perceptual, "MIN_SIDE", 16)
  monkeypatch.setattr(
    evaluate.fid, "load", lambda path: lambda image: image.mean((0, 1))
  )
  weights = tmp_path / "weights.pt"
  weights.write_bytes(b"")
  content = run(
    tmp_path / "a.json",
    *("--method=mean_fill", "--method=opencv_telea", "--lpips"),
    f"--fid_weights={weights}",
  )
  page = (tmp_path / "a.md").read_text()
  first = page.splitlines()[6]
  assert first.endswith("| SSIM | LPIPS | FID, no interval |")
  for subject in content["subjects"].values():
    assert f"| {subject['fid']['value']:#.4g} |" in page
    alone = report.to_markdown(subject)
    assert "| LPIPS | " in alone and "| FID, no interval | " in alone
  assert content["comparison"]["differences"]["opencv_telea"]["whole"]["lpips"]
  assert "l1, l2 and LPIPS" in page and page.count("The FID is of") == 1


def test_one_network_at_a_time_is_in_memory(monkeypatch, tmp_path):
  load, before = subjects.load, []

  def watched(request, **options):
    gc.collect()
    assert [ref() for ref in before] == [None] * len(before)
    subject = load(request, **options)
    before.append(weakref.ref(subject.complete))
    return subject

  monkeypatch.setattr(subjects, "load", watched)
  run(tmp_path / "a.json", "--method=mean_fill", "--method=opencv_telea")
  assert len(before) == 2


def test_equal_values_of_two_flags_have_names_of_their_own(tmp_path):
  content = run(
    tmp_path / "a.json",
    *("--completed=mean_fill", "--method=mean_fill", "--masks=rectangle"),
  )
  assert list(content["subjects"]) == [
    "mean_fill (completed)",
    "mean_fill (method)",
  ]


@pytest.mark.parametrize(
  ("arguments", "parts"),
  [
    (["--method=mean_fill"] * 2, ["--method=mean_fill", "name it once"]),
    (
      ["--checkpoint=calm", "--checkpoint=calm/checkpoints/0"],
      ["calm/checkpoints/0: is the same as --checkpoint=calm;"],
    ),
    (
      ["--completed=white", "--completed=white/*.png", "--masks=rectangle"],
      ["--completed=white/*.png: is the same as --completed=white;"],
    ),
  ],
)
def test_equal_subjects_are_refused(refused, arguments, parts):
  given = ["--images=photos", "--output=r.json", *arguments]
  refused(evaluate, given, *parts)


@pytest.mark.parametrize(
  ("argument", "part"),
  [
    ("--checkpoint=no", "nothing at"),
    ("--completed=small", "small/0.png: the completed picture is 20 wide"),
    ("--method=biharmonic", "skimage is not installed"),
  ],
)
def test_second_subject_is_checked_before_the_first_is_scored(
  refused, uninstall, monkeypatch, folder, argument, part
):
  for i in range(len(SIZES)):
    pictures.write(folder / "small" / f"{i}.png", (20, 20))
  uninstall("skimage")
  monkeypatch.setattr(
    subjects, "load", lambda request: pytest.fail("loaded already")
  )
  given = ["--images=photos", "--masks=rectangle", "--output=r.json"]
  given += ["--method=mean_fill", argument]
  refused(evaluate, given, part)
