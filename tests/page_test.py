"""The page of a study: what it keeps from raters, and a walk through it."""

import base64
import csv
import io
import itertools
import json
import re
import time

import numpy as np
import pytest
from PIL import Image

from gatedinpaint_jax import errors
from gatedinpaint_jax.study import page as study_page
from tests import browser, pictures

METHODS = ("original", "gated", "vanilla")
CASES = ("beach", "street")


def results(*, methods=METHODS, cases=CASES, size=(48, 64)):
  return {
    method: {
      case: pictures.noise(*size, seed=10 * i + j)
      for j, case in enumerate(cases)
    }
    for i, method in enumerate(methods)
  }


def write(folder, shown=None, *, seed=0, title="Faces"):
  study_page.write(folder, shown or results(), seed=seed, title=title)
  page = (folder / "study.html").read_text("utf-8")
  return page, json.loads((folder / "key.json").read_text("utf-8"))


def inside(page):
  """What the page knows."""
  (text,) = re.findall(r'<script type="application/json"[^>]*>(.*?)<', page)
  return json.loads(text)


def decode(url):
  head, _, code = url.partition(",")
  assert head == "data:image/png;base64"
  return Image.open(io.BytesIO(base64.b64decode(code)))


def test_every_picture_is_there_and_the_key_says_whose_it_is(tmp_path):
  shown = results()
  page, key = write(tmp_path / "new" / "folder", shown)
  content = inside(page)
  assert len(content["pictures"]) == len(METHODS) * len(CASES)
  assert content["study"] == key["study"]
  owners = set()
  for picture in content["pictures"]:
    owner = key["pictures"][picture["id"]]
    owners.add((owner["method"], owner["case"]))
    given = shown[owner["method"]][owner["case"]]
    np.testing.assert_array_equal(decode(picture["url"]), given)
  assert len(owners) == len(METHODS) * len(CASES)
  of_case = {p["id"]: p["case"] for p in content["pictures"]}
  for a, one in key["pictures"].items():
    for b, other in key["pictures"].items():
      assert (of_case[a] == of_case[b]) == (one["case"] == other["case"])


def test_page_tells_neither_method_nor_file(tmp_path):
  page, _ = write(tmp_path)
  assert not any(decode(p["url"]).info for p in inside(page)["pictures"])
  text = re.sub('base64,[^"]*', "", page)
  for name in (*METHODS, *CASES, "key.json"):
    assert name not in text


def test_page_loads_nothing(tmp_path):
  page, _ = write(tmp_path)
  assert not re.search(r"https?:|src=|href=|@import|url\(|fetch\(", page)
  assert "default-src 'none'" in page


def test_order_and_ids_tell_no_method(tmp_path):
  methods = tuple("abcdefgh")
  shown = results(methods=methods, cases=tuple(map(str, range(8))), size=(8, 8))
  orders = []
  for seed in range(2):
    page, key = write(tmp_path / str(seed), shown, seed=seed)
    ids = [p["id"] for p in inside(page)["pictures"]]
    assert ids == list(key["pictures"])
    assert len({len(i) for i in ids}) == 1
    places = [methods.index(key["pictures"][i]["method"]) for i in ids]
    # A shuffle of 64 has a correlation of 0 with a deviation of 1 / 8.
    assert abs(np.corrcoef(places, np.arange(64))[0, 1]) < 0.75
    orders.append(places)
  assert orders[0] != orders[1]


def test_same_study_is_written_again_and_another_is_not(tmp_path):
  before = write(tmp_path)
  assert write(tmp_path, dict(reversed(results().items()))) == before
  for change in ({"seed": 1}, {"shown": results(methods=("a", "b"))}):
    with pytest.raises(errors.UserError, match=r"key\.json: is of another"):
      write(tmp_path, **change)
  assert (tmp_path / "study.html").read_text("utf-8") == before[0]
  assert len(list(tmp_path.iterdir())) == 2
  # A key that cannot be read is not overwritten either.
  (tmp_path / "key.json").write_text("[]")
  with pytest.raises(errors.UserError, match=r"key\.json"):
    write(tmp_path)


def test_ids_follow_from_a_secret_that_only_the_key_has(tmp_path):
  page, key = write(tmp_path / "a")
  assert len(key["secret"]) == 64 and key["secret"] not in page
  other = write(tmp_path / "b")[1]
  assert other["study"] != key["study"]
  assert not other["pictures"].keys() & key["pictures"].keys()
  # A study without a secret stays with its answers.
  del key["secret"]
  (tmp_path / "a" / "key.json").write_text(json.dumps(key))
  with pytest.raises(errors.UserError, match=r"key\.json: is of another"):
    write(tmp_path / "a")


def test_title_is_text_and_no_markup(tmp_path):
  title = "<b>A & B</b> __STUDY__ </script>"
  page, key = write(tmp_path, title=title)
  assert key["title"] == title
  assert "&lt;b&gt;A &amp; B&lt;/b&gt; __STUDY__" in page
  assert "<b>A" not in page
  assert inside(page)["study"] == key["study"]


@pytest.mark.parametrize(
  "other", [{"cases": ("beach",)}, {"size": (8, 8)}], ids=["cases", "sizes"]
)
def test_what_would_be_unfair_is_refused(tmp_path, other):
  shown = results(methods=("a",)) | results(methods=("b",), **other)
  with pytest.raises(ValueError, match="would reveal the method"):
    study_page.write(tmp_path, shown, seed=0, title="")
  assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def walker(tmp_path_factory):
  """A browser that many tests share, and where its downloads go."""
  if browser.PROGRAM is None:
    pytest.skip(f"no browser: {', '.join(browser.NAMES)} are not installed")
  folder = tmp_path_factory.mktemp("browser")
  with browser.Browser(folder) as opened:
    opened.folder = folder
    yield opened


def enter(walker, alias):
  walker.wait_for("!find('.welcome').hidden")
  walker.write(alias)
  walker.press("Enter")


def rate(walker, key):
  """Rates the picture that is there with a key, once the page listens."""
  walker.wait_for("performance.now() - shownAt > BLIND_MILLISECONDS")
  walker.press(key)


def order(walker):
  return walker.run("order.map((picture) => picture.id)")


def answers(walker):
  """Saves by keyboard, and returns the file's lines."""
  before = set(walker.folder.glob("*.csv"))
  walker.run("save.focus()")
  walker.press("Enter")
  walker.wait_for("note.textContent.startsWith('Saved')")
  name = walker.run("note.textContent").split(" as ")[1].rstrip(".")
  path = walker.folder / name
  end = time.monotonic() + 10
  while not path.exists() and time.monotonic() < end:
    time.sleep(0.02)
  assert set(walker.folder.glob("*.csv")) - before == {path}
  with open(path, newline="", encoding="utf-8") as file:
    return list(csv.reader(file))


def test_walk_by_keyboard_with_a_reload_ends_with_all_answers(tmp_path, walker):
  _, key = write(tmp_path)
  walker.requests.clear()
  walker.open(tmp_path / "study.html")
  enter(walker, '  Zoë,  "Z" ')
  for rating in "307":
    rate(walker, rating)
  walker.press("Backspace")
  walker.wait_for("position === 2")
  pressed = "document.querySelector('[aria-pressed=true]').value"
  assert walker.run(pressed) == "7"
  rate(walker, "8")
  walker.open(tmp_path / "study.html")
  walker.wait_for("position === 3")
  rate(walker, "1")
  header, *some = answers(walker)
  assert header == list(study_page.COLUMNS)
  assert [row[3] for row in some] == ["3", "10", "8", "1"]
  for rating in "25":
    rate(walker, rating)
  walker.wait_for("!find('.end').hidden")
  _, *rows = answers(walker)
  assert rows[:4] == some
  assert [row[3] for row in rows] == ["3", "10", "8", "1", "2", "5"]
  assert {(row[0], row[1]) for row in rows} == {(key["study"], 'Zoë, "Z"')}
  assert [row[2] for row in rows] == order(walker)
  assert {row[2] for row in rows} == set(key["pictures"])
  assert all(0.3 <= float(row[4]) < 60 for row in rows)
  schemes = {url.partition(":")[0] for url in walker.requests}
  assert schemes == {"file", "data"} and not walker.complaints


def test_no_rating_is_of_a_picture_that_nobody_saw(tmp_path, walker):
  write(tmp_path, seed=1)
  walker.open(tmp_path / "study.html")
  enter(walker, "a")
  walker.wait_for("shownAt < Infinity")
  walker.wait_for("performance.now() - shownAt > BLIND_MILLISECONDS")
  # As a double click.
  walker.run("for (const _ of 'ab') document.querySelector('.rating').click()")
  assert walker.run("Object.keys(answers).length") == 1


def test_raters_have_orders_of_their_own_and_keep_cases_apart(tmp_path, walker):
  shown = results(cases=("a", "b", "c", "d"))
  _, key = write(tmp_path, shown)
  cases = {name: owner["case"] for name, owner in key["pictures"].items()}
  walker.open(tmp_path / "study.html")
  orders = []
  for alias in ("a", "b", *(f"rater {i}" for i in range(30)), "a"):
    walker.run(f"enter({json.dumps(alias)})")
    orders.append(order(walker))
    in_order = [cases[name] for name in orders[-1]]
    assert all(a != b for a, b in itertools.pairwise(in_order))
    for start in range(0, 12, 4):  # whoever stops early saw all cases alike
      assert set(in_order[start : start + 4]) == set("abcd")
  assert orders[-1] == orders[0]
  assert len(set(map(tuple, orders))) == 32
  # No picture comes first for all.
  assert len({names[0] for names in orders}) > 6


def test_raters_at_one_machine_do_not_see_each_others_answers(tmp_path, walker):
  write(tmp_path, seed=2)
  walker.open(tmp_path / "study.html")
  enter(walker, "first")
  rate(walker, "4")
  walker.run("find('.leave').click()")
  enter(walker, "second")
  walker.wait_for("rater === 'second'")
  assert walker.run("[position, Object.keys(answers).length]") == [0, 0]
  walker.run("find('.leave').click(); enter('first')")
  assert walker.run("[position, Object.keys(answers).length]") == [1, 1]


def test_every_control_has_a_name_and_fits_a_phone(tmp_path, walker):
  write(tmp_path, seed=3)
  walker.resize(320, 640)
  walker.open(tmp_path / "study.html")
  enter(walker, "a")
  walker.wait_for("shownAt < Infinity")
  assert walker.run("document.documentElement.scrollWidth") <= 320
  assert walker.run(
    "[...document.querySelectorAll('.rating')].every((button) =>"
    " button.offsetWidth >= 44 && button.offsetHeight >= 44 &&"
    " button.ariaLabel.endsWith(' of 10'))"
  )
  assert walker.run("find('#alias').labels.length") == 1
  assert walker.run("image.alt")
