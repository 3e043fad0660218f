r"""Summarises how natural people found each method's pictures in a user study.

  python -m gatedinpaint_jax.summarize_study --study DIR --answers DIR \
      --output table.json

--study is the folder with study.html, which raters opened, and key.json.
--answers are the CSV files that they saved: a file, a folder including its
subfolders, or a quoted pattern. Prints the mean rating of each method, and the
difference between each two, with intervals. --output also writes the tables as
Markdown, next to a JSON file with all numbers.

If a rater saved several times, the last rating of each picture counts, in the
order of file names, which contain the time. Exit codes: 0 done, 2 a mistake in
the flags or in a file.
"""

import glob
import pathlib

from gatedinpaint_jax import command_line, errors, files
from gatedinpaint_jax.evaluation import report_files
from gatedinpaint_jax.study import answers as study_answers
from gatedinpaint_jax.study import page as study_page
from gatedinpaint_jax.study import summary as study_summary


def main(argv) -> int:
  """Summarises the study that the arguments name; returns the exit code."""
  flag = command_line.Flags()
  flag.text("study", "The folder with study.html and key.json.")
  flag.text("answers", "CSV files: a file, a folder or a 'pattern'.")
  flag.text("output", "A .json; a .md is put next to it.")
  flag.switch("overwrite", "Replace files that are no earlier table.")
  options = command_line.parse(
    flag, argv, doc=__doc__, required=("study", "answers")
  )
  study = files.expand(options.study)
  output = None
  if options.output:
    with errors.prefixed("--output="):
      key = files.identity(study / study_page.KEY)
      if files.identity(files.expand(options.output)) == key:
        raise errors.UserError(
          f"{options.output}: is the key of the study; name another file"
        )
      output = report_files.check_output(options.output)
      report_files.check_free(output, overwrite=options.overwrite)
  key = study_answers.read_key(study)
  answers = study_answers.read_answers(_find(options.answers), key)
  summary = study_summary.summarise(answers, key)
  tables = study_summary.to_markdown(summary)
  if output:
    report_files.write(output, summary, tables)
  print(tables)
  if output:
    print(f"{output}: with {output.stem}.md")
  return 0


def _find(given) -> list[pathlib.Path]:
  """Returns the answer files, sorted by name; raises UserError if none."""
  path = files.expand(given)
  problem = "no such file or folder"
  if path.is_dir():
    problem = "no .csv file in this folder"
    found = [
      file
      for file in path.rglob("*")
      if file.suffix.lower() == ".csv" and not file.name.startswith(".")
    ]
  elif path.exists():
    found = [path]
  else:
    matches = map(pathlib.Path, glob.glob(str(path), recursive=True))
    found = [file for file in matches if file.is_file()]
  if not found:
    raise errors.UserError(f"--answers={given}: {problem}")
  return sorted(found, key=lambda file: (file.name, file))


if __name__ == "__main__":
  command_line.run(main)
