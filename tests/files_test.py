"""A file is written whole or not at all, and what cannot be is found early."""

import errno
import os
import pathlib

import pytest

from gatedinpaint_jax import errors, files
from tests import homes, processes


@pytest.fixture
def path(tmp_path):
  return tmp_path / "a.json"


def names(folder):
  return sorted(path.name for path in folder.iterdir())


def test_file_appears_at_once_over_the_part_of_a_killed_run(path, monkeypatch):
  part = path.with_name(files.PART)
  part.write_text("half" * 1000)
  seen = []
  replace = os.replace

  def look(source, target):
    seen.append((source, source.read_text(), target.exists()))
    replace(source, target)

  monkeypatch.setattr(os, "replace", look)
  files.write(path, b"all")
  assert seen == [(part, "all", False)]
  assert path.read_text() == "all" and names(path.parent) == ["a.json"]


@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_failed_write_leaves_what_was_there(path, monkeypatch, step):
  def fail(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

  path.write_text("before")
  monkeypatch.setattr(os, step, fail)
  with pytest.raises(errors.UserError, match=r"a\.json: .*No space left"):
    files.write(path, b"after")
  assert path.read_text() == "before" and names(path.parent) == ["a.json"]


def test_any_failure_inside_leaves_what_was_there(path):
  path.write_text("before")
  with pytest.raises(KeyboardInterrupt), files.replacing(path) as part:
    part.write_text("half")
    raise KeyboardInterrupt
  assert path.read_text() == "before" and names(path.parent) == ["a.json"]


def test_link_is_replaced_itself(path):
  other = path.with_name("other")
  other.write_text("before")
  path.symlink_to("other")
  files.write(path, b"after")
  assert not path.is_symlink() and other.read_text() == "before"


def test_name_may_be_as_long_as_the_file_system_allows(tmp_path):
  files.write(tmp_path / ("x" * 255), b"")
  assert names(tmp_path) == ["x" * 255]


def test_what_cannot_be_written_is_told_before(tmp_path):
  (tmp_path / "file").touch()
  (tmp_path / "folder").mkdir()
  files.check_file(tmp_path / "folder" / "new")
  files.check_folder(tmp_path / "folder" / "new" / "deep")
  for check, place, message in (
    (files.check_file, "folder", "folder: is a folder; name a file"),
    (files.check_file, "no/a", "no/a: no such folder; create it first"),
    (files.check_file, "file/a", r"file/a: cannot be written \(Not a dir"),
    (files.check_folder, "file/a", r"a: cannot be created in .*file \(Not a"),
    (files.make_folder, "file/a", r"a: cannot be written \(Not a dir"),
  ):
    with pytest.raises(errors.UserError, match=message):
      check(tmp_path / place)
  assert names(tmp_path) == ["file", "folder"]
  assert not names(tmp_path / "folder")


def test_parts_of_processes_that_ended_are_removed(tmp_path):
  ended = processes.ended()
  running = f"{files.PART_OF_HOST}.{os.getppid()}.part"
  # Of another host whose name begins with ours.
  others = f"{files.PART_OF_HOST}0.{ended}.part"
  ours = f"{files.PART_OF_HOST}.{ended}.part"
  kept = [running, others, ".x.1.part", f"{files.PART_OF_HOST}.part"]
  # A host whose name goes on after a dot, a person's file, no process at all.
  for middle in (f"2.{ended}", "notes.download", f"{ended}.download", "9" * 30):
    kept.append(f"{files.PART_OF_HOST}.{middle}.part")
  for name in (ours, *kept):
    (tmp_path / name).touch()
  (tmp_path / f"{files.PART_OF_HOST}.{ended + 1}.part").mkdir()
  kept.append(f"{files.PART_OF_HOST}.{ended + 1}.part")
  files.remove_parts(tmp_path)
  assert names(tmp_path) == sorted(kept)


def test_name_may_begin_with_a_tilde_and_homes_may_be_missing(monkeypatch):
  monkeypatch.setenv("HOME", "/home/of/mine")
  assert str(files.expand("~/a")) == "/home/of/mine/a"
  assert str(files.expand("~o.png")) == "~o.png"
  assert str(files.expand("./~/a")) == "~/a"
  homes.leave_none(monkeypatch)
  for text in ("~", "~/a"):
    with pytest.raises(errors.UserError, match=f"{text}: there is no home"):
      files.expand(text)


def test_paths_are_expanded_in_one_place():
  package = pathlib.Path(files.__file__).parent
  for source in package.rglob("*.py"):
    text = source.read_text("utf-8")
    assert ".expanduser()" not in text and "Path.home" not in text, source
