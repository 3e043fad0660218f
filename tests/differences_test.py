import pathlib
import re

TESTS = pathlib.Path(__file__).parent


def test_every_difference_names_a_test_that_exists():
  table = (TESTS.parent / "DIFFERENCES.md").read_text()
  rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
  assert len(rows) >= 13
  for row in rows:
    file, name = re.search(r"`(\w+\.py)::(\w+)`", row).groups()
    assert f"def {name}(" in (TESTS / file).read_text(), row
