"""`summarize_study` as people run it, and what it says of mistakes."""

import json

import pytest

from gatedinpaint_jax import summarize_study
from gatedinpaint_jax.study import page as study_page
from tests import pictures, programs

HEADER = "study,rater,picture,rating,seconds\n"
RATINGS = {"original": 9, "gated": 7, "vanilla": 4}


@pytest.fixture
def folder(tmp_path, monkeypatch):
  """A study, and answers of two raters who see the methods alike."""
  shown = {
    method: {case: pictures.noise(8, 8, seed) for seed, case in enumerate("xy")}
    for method in RATINGS
  }
  study_page.write(tmp_path / "study", shown, seed=0, title="Faces")
  key = json.loads((tmp_path / "study" / "key.json").read_text("utf-8"))
  (tmp_path / "answers" / "below").mkdir(parents=True)
  for rater, file in (("Bo", "1.csv"), ("Di", "below/2.CSV")):
    rows = [
      f"{key['study']},{rater},{name},{RATINGS[owner['method']]},2.5\n"
      for name, owner in key["pictures"].items()
    ]
    (tmp_path / "answers" / file).write_text(HEADER + "".join(rows), "utf-8")
  for file, text in (
    ("answers/.hidden.csv", "no answers"),
    ("answers/notes.txt", "no answers"),
    ("other.csv", f"{HEADER}s2,Bo,p1,7,2\n"),
    ("notes.md", "mine"),
    ("list.json", "[1]"),
    ("notes.png", "mine, but no file of a table"),
  ):
    (tmp_path / file).write_text(text, "utf-8")
  (tmp_path / "empty").mkdir()
  monkeypatch.chdir(tmp_path)
  return tmp_path


@pytest.mark.parametrize(
  ("answers", "raters"),
  [("answers", 2), ("answers/1.csv", 1), ("answers/**/*.[cC]*", 2)],
)
def test_tables_are_printed_and_written(folder, capsys, answers, raters):
  programs.run(
    summarize_study, study="study", answers=answers, output="table.json"
  )
  printed = capsys.readouterr().out
  assert "| original | 9.00 [9.00, 9.00] |" in printed
  assert "| gated - vanilla | +3.00 [+3.00, +3.00] |" in printed
  summary = json.loads((folder / "table.json").read_text("utf-8"))
  assert list(summary["methods"]) == list(RATINGS)
  assert len(summary["raters"]) == raters
  table = (folder / "table.md").read_text("utf-8")
  assert printed.startswith(table)


def test_overwrite_replaces_a_table(folder):
  given = {"study": "study", "answers": "answers", "output": "notes.json"}
  programs.run(summarize_study, "--overwrite", **given)
  programs.run(summarize_study, **given)  # over a table of its own
  assert "| gated |" in (folder / "notes.md").read_text("utf-8")
  assert "mine" in (folder / "notes.png").read_text("utf-8")


def test_without_output_nothing_is_written(folder, capsys):
  before = set(folder.rglob("*"))
  programs.run(summarize_study, study="study", answers="answers")
  assert "| vanilla | 4.00" in capsys.readouterr().out
  assert set(folder.rglob("*")) == before


def test_later_file_by_name_counts(folder, capsys):
  first = (folder / "answers" / "1.csv").read_text("utf-8")
  (folder / "answers" / "0.csv").write_text(first.replace(",9,", ",1,"))
  programs.run(summarize_study, study="study", answers="answers")
  printed = capsys.readouterr().out
  assert "| original | 9.00" in printed
  assert "same rater and picture: 2." in printed


@pytest.mark.parametrize(
  ("change", "parts"),
  [
    ({"study": None}, ["--study is missing"]),
    ({"study": "no"}, ["no/key.json: cannot be read", "name the folder"]),
    ({"answers": "no"}, ["--answers=no", "no such file"]),
    ({"answers": "no*.csv"}, ["--answers=no*.csv", "no such file"]),
    ({"answers": "empty"}, ["--answers=empty", "no .csv"]),
    ({"output": "table.txt"}, ["--output=table.txt", ".json"]),
    ({"output": "notes.json"}, ["--output=notes.md: exists; --overwrite"]),
    ({"output": "list.json"}, ["--output=list.json: exists; --overwrite"]),
    ({"output": "study/key.json"}, ["--output=study/key.json", "the key"]),
  ],
)
@pytest.mark.usefixtures("folder")
def test_mistake_ends_with_one_line(refused, change, parts):
  right = {"study": "study", "answers": "answers", "output": "table.json"}
  refused(summarize_study, right | change, *parts)
