"""Writes the page of a user study, where people rate how natural pictures look.

As in the paper's study (Yu et al. 2019, section 4), people see the results of
several methods without names, and rate each from 1 to 10. Originals are
included as a control.

Raters need only `study.html`: it contains the pictures, loads nothing, and
saves the answers as a CSV file. `key.json` maps pictures to methods, and must
not be shown to raters. It also holds the secret that the ids are keyed with, as
otherwise raters could compute those of each method. `answers` joins the two.
"""

import base64
import hashlib
import hmac
import html
import json
import os
import pathlib
import secrets
from collections.abc import Mapping

import numpy as np

from gatedinpaint_jax import errors, files
from gatedinpaint_jax.evaluation import pictures as pictures_lib
from gatedinpaint_jax.evaluation import report_files

PAGE = "study.html"
KEY = "key.json"
# Columns of the CSV file; the page's script has a copy.
COLUMNS = ("study", "rater", "picture", "rating", "seconds")
RATINGS = range(1, 11)
_TEMPLATE = pathlib.Path(__file__).with_suffix(".html")
_SCRIPT = pathlib.Path(__file__).with_suffix(".js")
# Lengths in hexadecimal digits.
_STUDY_LENGTH = 16
_ID_LENGTH = 12


def write(
  folder: str | os.PathLike[str],
  pictures: Mapping[str, Mapping[str, np.ndarray]],
  *,
  seed: int,
  title: str,
) -> None:
  """Writes the page and its key.

  In a folder with a study, the same pictures, names and seed give the same.

  Args:
    folder: created if missing.
    pictures: {method: {case: `[H, W, 3] uint8`}}, with the same cases for all
      methods, and one size per case.
    seed: of the ids and so of the order in the file, which raters do not see.
    title: of the page; must not name a method, since raters see it.
  """
  folder = files.expand(folder)
  shapes = [
    {case: image.shape for case, image in own.items()}
    for own in pictures.values()
  ]
  if any(other != shapes[0] for other in shapes):
    raise ValueError(f"cases or sizes would reveal the method: {shapes}")
  shown = {
    (method, case): image
    for method, own in sorted(pictures.items())
    for case, image in sorted(own.items())
  }
  pixels = [
    [*owner, hashlib.sha256(image.tobytes()).hexdigest()]
    for owner, image in shown.items()
  ]
  files.make_folder(folder)
  _check_page_has_key(folder)
  existing = _read_key(folder / KEY)
  secret = secrets.token_hex() if existing is None else existing["secret"]
  study = _digest(secret, [seed, pixels])[:_STUDY_LENGTH]
  if existing is not None and existing["study"] != study:
    raise _of_another_study(folder / KEY)
  # Sorted by ids, which are digests, so that the order reveals nothing.
  owners = dict(
    sorted(
      (_digest(secret, [study, *owner])[:_ID_LENGTH], owner) for owner in shown
    )
  )
  key = {
    "study": study,
    "secret": secret,
    "title": title,
    "seed": seed,
    "pictures": {
      name: {"method": method, "case": case}
      for name, (method, case) in owners.items()
    },
  }
  page = _page(study, title, owners, shown)
  files.write(folder / KEY, report_files.to_json(key))
  files.write(folder / PAGE, page.encode())


def check_folder(folder: str | os.PathLike[str], *, is_new: bool) -> None:
  """Raises UserError if `write` would fail; creates nothing.

  `is_new` says that the study has never been written before.
  """
  folder = files.expand(folder)
  files.check_folder(folder)
  if is_new and (folder / KEY).exists():
    raise _of_another_study(folder / KEY)
  _check_page_has_key(folder)


def _digest(secret, content) -> str:
  text = json.dumps(content).encode()
  return hmac.digest(secret.encode(), text, "sha256").hex()


def _page(study, title, owners, shown) -> str:
  """Returns the HTML; `owners` is {id: key of `shown`}."""
  pictures, numbers = [], {}
  for name, owner in owners.items():
    png = pictures_lib.to_png(shown[owner])
    # A number, so that no rater sees the same case twice in a row.
    case = numbers.setdefault(owner[1], len(numbers))
    url = f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
    pictures.append({"id": name, "case": case, "url": url})
  # The title comes last, since it may contain another placeholder.
  return (
    _TEMPLATE.read_text("utf-8")
    .replace("__STUDY__", json.dumps({"study": study, "pictures": pictures}))
    .replace("__SCRIPT__", _SCRIPT.read_text("utf-8"))
    .replace("__TITLE__", html.escape(title))
  )


def _check_page_has_key(folder) -> None:
  """Raises UserError if there is a page, perhaps of something else."""
  if (folder / PAGE).exists() and not (folder / KEY).exists():
    raise errors.UserError(
      f"{folder / PAGE}: exists without {KEY}; name another folder"
    )


def _read_key(path) -> dict[str, str] | None:
  """Returns what names the study in a folder; None if there is none."""
  try:
    content = json.loads(files.read(path))
    return {name: str(content[name]) for name in ("study", "secret")}
  except FileNotFoundError:
    return None
  except (OSError, *errors.NONSENSE) as error:
    raise _of_another_study(path) from error


def _of_another_study(key) -> errors.UserError:
  return errors.UserError(
    f"{key}: is of another study, whose answers are useless without it; name "
    "another folder"
  )
