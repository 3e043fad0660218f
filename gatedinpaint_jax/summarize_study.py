r"""Says how natural people found each method's pictures in a user study.

  python -m gatedinpaint_jax.summarize_study --study DIR --answers DIR \
      --output table.json

DIR of --study has the study.html that raters opened and its key.json; --answers
are the CSV files that they saved: a file, a folder with all below it, or a
pattern in quotes. Prints tables: each method's mean rating, and the difference
between each two, with intervals. With --output writes them as Markdown next to
a JSON file with all numbers.

A rater may save several times. The last rating of a picture counts, in the
order of the files' names, which contain the time. Exit codes: 0 done, 2 a
mistake in the flags or in a file.
"""

import glob
import os
import pathlib

from absl import flags

from gatedinpaint_jax import command_line, errors
from gatedinpaint_jax.evaluation import report
from gatedinpaint_jax.study import answers as study_answers
from gatedinpaint_jax.study import page as study_page
from gatedinpaint_jax.study import summary as study_summary


def main(argv) -> int:
  """Summarises what the arguments name and returns the exit code."""
  options = command_line.parse(
    _define_flags(), argv, doc=__doc__, required=("study", "answers")
  )
  study = pathlib.Path(os.path.expanduser(options.study))
  output = None
  if options.output:
    with errors.prefixed("--output="):
      output = report.check_output(options.output)
  if output and os.path.realpath(output) == os.path.realpath(
    study / study_page.KEY
  ):
    raise errors.UserError(
      f"--output={options.output}: is the key of the study; name another file"
    )
  key = study_answers.read_key(study)
  answers = study_answers.read_answers(_find(options.answers), key)
  summary = study_summary.summarise(answers, key)
  tables = study_summary.to_markdown(summary)
  if output:
    report.write(output, summary, tables)
  print(tables)
  if output:
    print(f"{output}: with {output.stem}.md beside it")
  return 0


def _define_flags() -> flags.FlagValues:
  values = flags.FlagValues()
  flag = command_line.definers(values)
  flag.text("study", None, "The folder of study.html and key.json.")
  flag.text("answers", None, "CSV files: a file, a folder or a 'pattern'.")
  flag.text("output", None, "A .json, which gets a .md beside.")
  return values


def _find(given) -> list[pathlib.Path]:
  """Returns the files of answers in the order of their names.

  Raises:
    UserError: if there are none.
  """
  path = pathlib.Path(os.path.expanduser(given))
  if path.is_dir():
    found = [
      file
      for file in path.rglob("*")
      if file.suffix.lower() == ".csv" and not file.name.startswith(".")
    ]
    if not found:
      raise errors.UserError(f"--answers={given}: no .csv file in this folder")
  elif path.exists():
    found = [path]
  else:
    found = [
      file
      for file in map(pathlib.Path, glob.glob(str(path), recursive=True))
      if file.is_file()
    ]
    if not found:
      raise errors.UserError(f"--answers={given}: no such file or folder")
  return sorted(found, key=lambda file: (file.name, file))


if __name__ == "__main__":
  command_line.run(main)
