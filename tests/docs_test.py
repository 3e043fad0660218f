"""Links, paths and commands in the documentation are valid.

Commands are parsed but not run: the program exists and accepts these flags, and
the config has these keys. A block that needs more than the package, its extras
and our own files says so in a comment, `<!-- not run: needs ... -->`.
"""

import ast
import importlib
import itertools
import pathlib
import re
import shlex

import pytest

from configs import comparison
from gatedinpaint_jax import command_line

ROOT = pathlib.Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [
  README,
  ROOT / "CHANGELOG.md",
  ROOT / "CONTRIBUTING.md",
  ROOT / "DIFFERENCES.md",
  ROOT / "benchmarks" / "README.md",
  *sorted((ROOT / "docs").glob("*.md")),
]
MOST_LINES = 150
SET_UP_AND_TEST = (
  "python3 -m venv .venv",
  "source .venv/bin/activate",
  "python -m pytest -n 2",
  "python -m pytest -m slow",
  "ruff check .",
  "ruff format --check .",
)

per_page = pytest.mark.parametrize(
  "page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES]
)


def read_prose(page):
  """Returns a page without what stands between fences."""
  return re.sub(r"(?ms)^```.*?^```$", "", page.read_text())


def anchors(page):
  """Returns the names that GitHub gives to the headings of a page."""
  headings = re.findall(r"(?m)^#+ (.+)$", read_prose(page))
  return {
    re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
    for heading in headings
  }


@per_page
def test_links_lead_to_files_and_headings(page):
  text = read_prose(page)
  links = re.findall(r"\]\(([^)\s]+)\)", text)
  links += re.findall(r'(?:src|href)="([^"]+)"', text)
  for link in links:
    if link.startswith("https://"):
      continue
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    assert target.exists(), link
    assert target.is_relative_to(ROOT), link
    assert not anchor or anchor in anchors(target), link


@per_page
def test_files_that_are_named_exist(page):
  files = [f"/{path.relative_to(ROOT)}" for path in ROOT.rglob("*.*")]
  named = re.findall(r"`([\w/]+\.(?:py|md|ipynb))\b[^`]*`", page.read_text())
  for name in named:
    # A bare name may be that of somebody else's file, unless it is a test.
    if "/" in name or name.endswith("_test.py"):
      assert any(file.endswith(f"/{name}") for file in files), name


def test_readme_is_short():
  assert len(README.read_text().splitlines()) <= MOST_LINES


def test_readme_links_to_every_page_of_docs():
  linked = set(re.findall(r"\]\(docs/(\w+\.md)\)", README.read_text()))
  assert linked == {path.name for path in (ROOT / "docs").glob("*.md")}


def test_placeholder_of_the_address_is_in_one_command():
  texts = "".join(page.read_text() for page in PAGES)
  assert texts.count("git clone <repository URL>") == 1


def commands(page):
  """Yields (words, whether the block is marked) for each command of a page.

  What stands in [brackets] after a command is optional and counts as given.
  Environment variables and launchers before a program are left out.
  """
  blocks = re.findall(
    r"(?ms)^(<!-- not run: needs [^\n]+ -->\n)?```bash\n(.*?)^```$",
    page.read_text(),
  )
  for mark, text in blocks:
    text = re.sub(r" \[(--[^\]]*)\]", r" \1", text)
    text = re.sub(r"(?m)^(XLA_FLAGS=\S+|taskset -c 0|srun( --\S+)+) ", "", text)
    text = re.sub(r"\.venv/bin/(?=python|pip)", "", text)
    for line in text.splitlines():
      lexer = shlex.shlex(line, posix=True, punctuation_chars="&")
      lexer.whitespace_split = True
      for is_and, words in itertools.groupby(lexer, "&&".__eq__):
        if not is_and:
          yield list(words), bool(mark)


@per_page
def test_commands_parse(page, monkeypatch):
  monkeypatch.chdir(ROOT)
  for words, is_marked in commands(page):
    command = " ".join(words)
    if command.startswith("python -m gatedinpaint_jax."):
      parse(words[2], words[3:], monkeypatch)
    elif command.startswith("python benchmarks/"):
      given = {re.match(r"--\w+", word)[0] for word in words[2:]}
      assert given <= benchmark_flags(ROOT / words[1]), command
    elif extra := re.fullmatch(r"pip install -e \.(?:\[(.+)\])?", command):
      assert set((extra[1] or "test").split(",")) <= extras(), command
    elif not is_marked:
      assert command in SET_UP_AND_TEST


class _ParsedError(Exception):
  """Ends a program once its flags are parsed."""


def parse(module, arguments, monkeypatch):
  """Parses what one of our programs is given, without running it."""
  argv = [module, *arguments]
  parse_all = command_line.parse

  def parse_and_stop(values, *args, **kwargs):
    parse_all(values, *args, **kwargs)
    raise _ParsedError

  with monkeypatch.context() as patch:
    patch.setattr(command_line, "parse", parse_and_stop)
    with pytest.raises(_ParsedError):
      importlib.import_module(module).main(argv)


def benchmark_flags(script):
  """Returns the flags that a benchmark and its modules define."""
  source = script.read_text()
  found = re.findall(r'\b(?:flags?|command)\.\w+\(\s*"(\w+)"', source)
  found = {f"--{name}" for name in found}
  if "flag.config_file(" in source:
    found.add("--config")
  for module in re.findall(r"(?m)^import (\w+)$", source):
    neighbour = script.parent / f"{module}.py"
    if neighbour.exists():
      found |= benchmark_flags(neighbour)
  return found


def extras():
  """Returns the names of the optional dependencies in setup.py."""
  for node in ast.walk(ast.parse((ROOT / "setup.py").read_text())):
    if isinstance(node, ast.keyword) and node.arg == "extras_require":
      return {key.value for key in node.value.keys}


@per_page
def test_keys_of_configs_that_are_named_exist(page):
  config = comparison.get_config()
  for key in re.findall(r"config\.([a-z]\w*(?:\.\w+)*)", read_prose(page)):
    if not re.match(r"section\b|py\b", key):
      assert has(config.training, key) or has(config, key), key


def has(config, key):
  section, _, rest = key.partition(".")
  return section in config and (not rest or has(config[section], rest))


def test_continuous_integration_runs_the_test_command_of_the_readme():
  steps = (ROOT / ".ci" / "run").read_text()
  (command,) = [words for words, _ in commands(README) if "pytest" in words]
  assert command == ["python", "-m", "pytest", "-n", "2"]
  assert "python -m pytest -n 2\n" in steps
  assert '-e ".[test]"' in steps and '-e ".[test]"' in README.read_text()
