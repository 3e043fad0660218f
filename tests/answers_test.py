"""Answers of a study: what is read of them, and what is none."""

import os

import pytest

from gatedinpaint_jax import errors
from gatedinpaint_jax.study import answers as study_answers

KEY = study_answers.Key(
  "s1", "Faces", {"p1": ("gated", "a"), "p2": ("vanilla", "a")}
)
HEADER = "study,rater,picture,rating,seconds"


def write(path, *lines, end="\n", encoding="utf-8"):
  path.write_bytes(end.join([HEADER, *lines, ""]).encode(encoding))
  return path


def test_answers_are_read_as_the_page_and_as_spreadsheets_write_them(tmp_path):
  page = write(
    tmp_path / "1.csv",
    's1,"Zoë, ""Z""",p1,10,0.5',
    's1,"Zoë, ""Z""",p2,1,3',
    end="\r\n",
  )
  sheet = write(tmp_path / "2.csv", "s1,Bo,p1,7,2.0", "", encoding="utf-8-sig")
  answers = study_answers.read_answers([page, sheet], KEY)
  assert answers == study_answers.Answers(
    {
      ('Zoë, "Z"', "p1"): study_answers.Answer(10, 0.5),
      ('Zoë, "Z"', "p2"): study_answers.Answer(1, 3),
      ("Bo", "p1"): study_answers.Answer(7, 2),
    },
    replaced=0,
  )


def test_last_of_several_ratings_counts_and_changed_ones_are_counted(tmp_path):
  files = [
    write(tmp_path / "1.csv", "s1,Bo,p1,7,2", "s1,Bo,p2,3,1"),
    write(tmp_path / "2.csv", "s1,Bo,p1,4,9", "s1,Bo,p2,3,1"),
  ]
  answers = study_answers.read_answers(files, KEY)
  assert answers.given["Bo", "p1"] == study_answers.Answer(4, 9)
  assert answers.replaced == 1
  assert len(answers.given) == 2


@pytest.mark.parametrize(
  ("line", "parts"),
  [
    ("s2,Bo,p1,7,2", ["answers study s2, not s1"]),
    ("s1,Bo,p3,7,2", ["no picture 'p3'"]),
    ("s1, ,p1,7,2", ["no name"]),
    ("s1,Bo,p1,0,2", ["rating '0'", "from 1 to 10"]),
    ("s1,Bo,p1,11,2", ["rating '11'"]),
    ("s1,Bo,p1,7,soon", ["'soon' seconds"]),
    ("s1,Bo,p1,7,-1", ["'-1' seconds"]),
    ("s1,Bo,p1,7,nan", ["'nan' seconds"]),
    ("s1,Bo,p1,7", ["4 columns", HEADER]),
    ('s1,"Bo,p1,7,2', ["unexpected end", HEADER]),
  ],
)
def test_what_is_no_answer_is_named_with_its_line(tmp_path, line, parts):
  path = write(tmp_path / "b.csv", "s1,Bo,p2,7,2", line)
  with pytest.raises(errors.UserError) as raised:
    study_answers.read_answers([path], KEY)
  for part in ("b.csv, line 3: ", *parts):
    assert part in str(raised.value)


@pytest.mark.parametrize(
  ("content", "part"),
  [
    (b"", "the first line must be study,rater"),
    (b"study;rater;picture;rating;seconds\n", "the first line must be"),
    (b"a picture \xff", "UTF-8"),
    (f"{HEADER}\n".encode(), "no answer"),
  ],
)
def test_file_without_answers_is_refused(tmp_path, content, part):
  path = tmp_path / "b.csv"
  path.write_bytes(content)
  with pytest.raises(errors.UserError, match=part):
    study_answers.read_answers([path], KEY)


def test_more_raters_than_can_be_summarised_are_refused(tmp_path):
  path = write(tmp_path / "a.csv", *(f"s1,{i},p1,7,2" for i in range(10_001)))
  with pytest.raises(errors.UserError, match="10001 raters, more than 10000"):
    study_answers.read_answers([path], KEY)


@pytest.mark.parametrize(
  "content",
  [
    None,
    "",
    "[]",
    "{}",
    '{"pictures": []}',
    '{"pictures": {"a": "b"}}',
    '{"pictures": ' + "[" * 100_000,
  ],
)
def test_what_is_no_key_is_refused(tmp_path, content):
  message = "cannot be read"
  if content is not None:
    (tmp_path / "key.json").write_text(content)
    message = "is not the key"
  with pytest.raises(errors.UserError, match=rf"key\.json: {message}"):
    study_answers.read_key(tmp_path)


@pytest.mark.usefixtures("in_time")
def test_what_is_no_file_is_not_waited_for(tmp_path):
  for name in ("key.json", "a.csv"):
    os.mkfifo(tmp_path / name)
  with open(tmp_path / "b.csv", "wb") as file:
    file.truncate(10**12)
  with pytest.raises(errors.UserError, match=r"key\.json: cannot be read"):
    study_answers.read_key(tmp_path)
  for name, reason in (
    ("a.csv", "not a regular"),
    ("b.csv", "larger than 100"),
  ):
    with pytest.raises(errors.UserError, match=rf"{name}: .*{reason}"):
      study_answers.read_answers([tmp_path / name], KEY)
