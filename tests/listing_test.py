import re

import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax.data import listing


def touch(folder, *names):
  for name in names:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")


def names(files):
  return [path.rsplit("/", 1)[1] for path in files]


def find(folder, **kwargs):
  return listing.find_in_folder(str(folder), **kwargs)


def test_folder_is_searched_at_any_depth_and_sorted(tmp_path):
  touch(
    tmp_path, "b.JPG", "a/z.webp", "c.png", "d.jpeg", "e.txt", "x.png/q.Png"
  )
  photos = find(tmp_path).photos
  assert names(photos) == ["z.webp", "b.JPG", "c.png", "d.jpeg", "q.Png"]


def test_sketches_are_paired_and_are_not_photos(tmp_path):
  touch(tmp_path, "a.jpg", "a_edge.jpg", "b.png", "b_edge.png")
  files = find(tmp_path, paired=True)
  assert names(files.photos) == ["a.jpg", "b.png"]
  assert names(files.sketches) == ["a_edge.jpg", "b_edge.png"]
  assert len(find(tmp_path).photos) == 4


def test_photos_without_sketch_are_named(tmp_path):
  touch(tmp_path, "a.jpg", "b.jpg", "c.jpg", "c_edge.jpg")
  with pytest.raises(
    errors.UserError, match=r"no sketch at .*a_edge\.jpg and 1 more"
  ):
    find(tmp_path, paired=True)


def test_empty_folder_is_told_from_one_of_other_files(tmp_path):
  with pytest.raises(
    errors.UserError, match=r"no picture below .*, only empty folders;"
  ):
    find(tmp_path)
  touch(tmp_path, "a.txt", "b.txt")
  with pytest.raises(
    errors.UserError, match=r"no picture below .*, only 2 \.txt;"
  ):
    find(tmp_path)


def read(path, **kwargs):
  return listing.read_file_list(str(path), **kwargs)


def test_file_list_keeps_its_order_and_starts_at_its_own_folder(tmp_path):
  touch(tmp_path, "sub/b.jpg", "a.jpg")
  absolute = str(tmp_path / "a.jpg")
  (tmp_path / "list.txt").write_text(f"sub/b.jpg\n\n  {absolute}\n")
  photos = read(tmp_path / "list.txt").photos
  assert photos == (str(tmp_path / "sub/b.jpg"), absolute)


@pytest.mark.parametrize(
  "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]
)
def test_file_list_is_in_utf_8_or_as_windows_writes_it(tmp_path, encoding):
  touch(tmp_path, "\u00e9.jpg", "b.jpg")
  mark = "\ufeff" * encoding.endswith("e")
  text = f"{mark}\u00e9.jpg\r\nb.jpg\r\n"
  (tmp_path / "list.txt").write_bytes(text.encode(encoding))
  photos = read(tmp_path / "list.txt").photos
  assert names(photos) == ["\u00e9.jpg", "b.jpg"]


def test_tilde_in_a_file_list_is_a_home_or_part_of_a_name(
  tmp_path, monkeypatch
):
  touch(tmp_path, "home/a.jpg", "~b.jpg")
  monkeypatch.setenv("HOME", str(tmp_path / "home"))
  (tmp_path / "list.txt").write_text("~/a.jpg\n~b.jpg\n")
  photos = read(tmp_path / "list.txt").photos
  expected = [str(tmp_path / "home/a.jpg"), str(tmp_path / "~b.jpg")]
  assert list(photos) == expected


def test_file_list_pairs_sketches(tmp_path):
  touch(tmp_path, "a.jpg", "a_edge.png")
  (tmp_path / "list.txt").write_text("a.jpg\n")
  assert names(read(tmp_path / "list.txt", paired=True).sketches) == [
    "a_edge.png"
  ]


@pytest.mark.parametrize(
  "content,message",
  [
    (None, "no file at"),
    (b"", "lists nothing"),
    (b"\xff\xfe\x00", "is not a text file"),
    (b"a\x00.jpg", "is not a text file"),
    (b"a.jpg\nb.jpg\n", "a.jpg and 1 more, which is not a file"),
  ],
)
def test_unusable_file_list_is_explained(tmp_path, content, message):
  path = tmp_path / "list.txt"
  if content is not None:
    path.write_bytes(content)
  with pytest.raises(errors.UserError, match=re.escape(message)):
    read(path)


def test_held_out_pictures_are_spread_and_at_most_a_quarter():
  training, held_out = listing.hold_out(20, 4)
  assert held_out == [0, 5, 10, 15]
  assert sorted(training + held_out) == list(range(20))
  assert len(listing.hold_out(20, 100)[1]) == 5
  assert listing.hold_out(3, 4) == ([0, 1, 2], [])
  assert listing.hold_out(5, 0) == ([0, 1, 2, 3, 4], [])
