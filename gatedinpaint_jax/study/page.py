"""The page of a user study: people rate how natural pictures look.

As in the paper's study (Yu et al. 2019, section 4), people see the results of
several methods, without names, and rate each from 1 to 10. Originals among them
are the control.

`study.html` is all that a rater needs: it holds the pictures, loads nothing,
and saves the answers as a CSV file. `key.json` says which method made each
picture; raters must not see it. `answers` joins the two.
"""

import base64
import hashlib
import html
import io
import json
import os
import pathlib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from gatedinpaint_jax import errors, files
from gatedinpaint_jax.evaluation import pictures as pictures_lib
from gatedinpaint_jax.evaluation import report

PAGE = "study.html"
KEY = "key.json"
# Of the CSV file; the page's script has them too.
COLUMNS = ("study", "rater", "picture", "rating", "seconds")
RATINGS = range(1, 11)
_TEMPLATE = pathlib.Path(__file__).with_suffix(".html")
_SCRIPT = pathlib.Path(__file__).with_suffix(".js")
# Hexadecimal digits.
_STUDY_LENGTH = 16
_ID_LENGTH = 12


class _Picture(NamedTuple):
  """A PNG file without metadata, and a digest of its pixels."""

  png: bytes
  digest: str


def write(
  folder: str | os.PathLike[str],
  pictures: Mapping[str, Mapping[str, bytes]],
  *,
  seed: int,
  title: str,
) -> str:
  """Writes the page and its key, and returns the digest that names the study.

  The same pictures, names and seed make the same study again.

  Args:
    folder: need not exist.
    pictures: {method: {case: PNG}}; methods have the same cases, and a case has
      one size. Only pixels are kept: metadata could reveal the method.
    seed: of the ids and the order in the file. Each rater has another order.
    title: of the page. Raters see it, so it must not name a method.

  Raises:
    UserError: if a file cannot be written, or the folder has the key of another
      study, whose answers would be lost without it.
    ValueError: if the cases or sizes differ, or there are none.
  """
  folder = pathlib.Path(os.path.expanduser(folder))
  shown = _keep_pixels(pictures)
  study = _digest(shown, seed)
  # In the order of the ids, which are digests: it tells nothing.
  owners = dict(sorted((_id(study, owner), owner) for owner in shown))
  key = {
    "study": study,
    "title": title,
    "seed": seed,
    "pictures": {
      name: {"method": method, "case": case}
      for name, (method, case) in owners.items()
    },
  }
  page = _page(
    study,
    title,
    {name: (owner[1], shown[owner].png) for name, owner in owners.items()},
  )
  files.make_folder(folder)
  _check_no_other_study(folder / KEY, study)
  files.write(folder / KEY, report.to_json(key))
  files.write(folder / PAGE, page.encode())
  return study


def check_folder(folder: str | os.PathLike[str], *, is_new: bool) -> None:
  """Raises UserError if `write` would fail, as far as can be known.

  Args:
    folder: for `write`; not created here.
    is_new: whether it will be a study that was never written before.
  """
  folder = pathlib.Path(os.path.expanduser(folder))
  files.check_folder(folder)
  if is_new and (folder / KEY).exists():
    raise _of_another_study(folder / KEY)


def _keep_pixels(pictures) -> dict[tuple[str, str], _Picture]:
  """Returns {(method, case): picture}, after checking cases and sizes."""
  first, *others = pictures or [None]
  cases = sorted(pictures.get(first, ()))
  if not cases:
    raise ValueError("a study needs a method and a case")
  for method in others:
    if sorted(pictures[method]) != cases:
      raise ValueError(
        f"{method} and {first} have other cases; easy ones are rated better"
      )
  shown = {}
  for case in cases:
    sizes = set()
    for method in pictures:
      with Image.open(io.BytesIO(pictures[method][case])) as image:
        pixels = np.asarray(image.convert("RGB"))
      digest = hashlib.sha256(pixels.tobytes()).hexdigest()
      shown[method, case] = _Picture(pictures_lib.to_png(pixels), digest)
      sizes.add(pixels.shape)
    if len(sizes) > 1:
      raise ValueError(f"{case}: sizes {sizes} would tell methods apart")
  return shown


def _digest(shown, seed) -> str:
  """Returns what identifies a study by pixels, methods, cases and seed."""
  entries = [
    [method, case, picture.digest]
    for (method, case), picture in sorted(shown.items())
  ]
  text = json.dumps([seed, entries])
  return hashlib.sha256(text.encode()).hexdigest()[:_STUDY_LENGTH]


def _id(study, owner) -> str:
  """Returns the id of the picture of a (method, case)."""
  text = json.dumps([study, *owner])
  return hashlib.sha256(text.encode()).hexdigest()[:_ID_LENGTH]


def _page(study, title, pictures) -> str:
  """Returns the HTML, from {id: (case, PNG)}.

  It numbers the cases, so that no rater sees one twice in a row.
  """
  numbers: dict[str, int] = {}
  content: dict[str, Any] = {
    "study": study,
    "pictures": [
      {
        "id": name,
        "case": numbers.setdefault(case, len(numbers)),
        "url": f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}",
      }
      for name, (case, png) in pictures.items()
    ],
  }
  values = {
    "__TITLE__": html.escape(title),
    "__STUDY__": json.dumps(content),
    "__SCRIPT__": _SCRIPT.read_text("utf-8"),
  }
  # In one pass: a title may contain one of these names.
  return re.sub(
    "|".join(values),
    lambda match: values[match[0]],
    _TEMPLATE.read_text("utf-8"),
  )


def _check_no_other_study(key, study) -> None:
  """Raises UserError if the key of another study is there."""
  try:
    there = json.loads(key.read_text("utf-8"))["study"]
  except FileNotFoundError:
    return
  except (OSError, ValueError, KeyError, TypeError):
    there = None
  if there != study:
    raise _of_another_study(key)


def _of_another_study(key) -> errors.UserError:
  return errors.UserError(
    f"{key}: is of another study, whose answers nobody could read without it; "
    "name another folder"
  )
