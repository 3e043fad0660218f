"""Writes the page of a user study, where people rate how natural pictures look.

As in the paper's study (Yu et al. 2019, section 4), people see the results of
several methods without names, and rate each from 1 to 10. Originals are
included as a control.

Raters need only `study.html`: it contains the pictures, loads nothing, and
saves the answers as a CSV file. `key.json` maps pictures to methods, and must
not be shown to raters. `answers` joins the two.
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

import numpy as np
from PIL import Image

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
  pictures: Mapping[str, Mapping[str, bytes]],
  *,
  seed: int,
  title: str,
) -> str:
  """Writes the page and its key, and returns the digest that names the study.

  The same pictures, names and seed give the same study.

  Args:
    folder: created if missing.
    pictures: {method: {case: PNG}}, with the same cases for all methods, and
      one size per case. Metadata is dropped, since it could reveal the method.
    seed: of the ids and so of the order in the file, which raters do not see.
    title: of the page; must not name a method, since raters see it.
  """
  folder = files.expand(folder)
  shown = _keep_pixels(pictures)
  pixels = [[*owner, digest] for owner, (_, digest) in sorted(shown.items())]
  study = _digest([seed, pixels], _STUDY_LENGTH)
  # Sorted by ids, which are digests, so that the order reveals nothing.
  owners = dict(
    sorted((_digest([study, *owner], _ID_LENGTH), owner) for owner in shown)
  )
  key = {
    "study": study,
    "title": title,
    "seed": seed,
    "pictures": {
      name: {"method": method, "case": case}
      for name, (method, case) in owners.items()
    },
  }
  page = _page(study, title, owners, shown)
  files.make_folder(folder)
  _check_page_has_key(folder)
  _check_no_other_study(folder / KEY, study)
  files.write(folder / KEY, report_files.to_json(key))
  files.write(folder / PAGE, page.encode())
  return study


def check_folder(folder: str | os.PathLike[str], *, is_new: bool) -> None:
  """Raises UserError if `write` would fail; creates nothing.

  `is_new` says that the study has never been written before.
  """
  folder = files.expand(folder)
  files.check_folder(folder)
  if is_new and (folder / KEY).exists():
    raise _of_another_study(folder / KEY)
  _check_page_has_key(folder)


def _keep_pixels(pictures) -> dict[tuple[str, str], tuple[bytes, str]]:
  """Returns {(method, case): (PNG without metadata, digest of its pixels)}."""
  if not any(pictures.values()):
    raise ValueError("a study needs a method and a case")
  first, *others = pictures
  for method in others:
    if pictures[method].keys() != pictures[first].keys():
      raise ValueError(
        f"{method} and {first} have different cases; easy ones get better "
        "ratings"
      )
  shown = {}
  for case in sorted(pictures[first]):
    sizes = set()
    for method in pictures:
      with Image.open(io.BytesIO(pictures[method][case])) as image:
        pixels = np.asarray(image.convert("RGB"))
      digest = hashlib.sha256(pixels.tobytes()).hexdigest()
      shown[method, case] = pictures_lib.to_png(pixels), digest
      sizes.add(pixels.shape)
    if len(sizes) > 1:
      raise ValueError(f"{case}: sizes {sizes} would reveal the method")
  return shown


def _digest(content, length) -> str:
  return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:length]


def _page(study, title, owners, shown) -> str:
  """Returns the HTML; `owners` is {id: key of `shown`}."""
  pictures, numbers = [], {}
  for name, owner in owners.items():
    png, _ = shown[owner]
    # A number, so that no rater sees the same case twice in a row.
    case = numbers.setdefault(owner[1], len(numbers))
    url = f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
    pictures.append({"id": name, "case": case, "url": url})
  values = {
    "__TITLE__": html.escape(title),
    "__STUDY__": json.dumps({"study": study, "pictures": pictures}),
    "__SCRIPT__": _SCRIPT.read_text("utf-8"),
  }
  # In one pass, since a title may contain one of these placeholders.
  return re.sub(
    "|".join(values),
    lambda match: values[match[0]],
    _TEMPLATE.read_text("utf-8"),
  )


def _check_page_has_key(folder) -> None:
  """Raises UserError if there is a page, perhaps of something else."""
  if (folder / PAGE).exists() and not (folder / KEY).exists():
    raise errors.UserError(
      f"{folder / PAGE}: exists without {KEY}; name another folder"
    )


def _check_no_other_study(key, study) -> None:
  try:
    existing = json.loads(key.read_text("utf-8"))["study"]
  except FileNotFoundError:
    return
  except (OSError, ValueError, KeyError, TypeError):
    existing = None
  if existing != study:
    raise _of_another_study(key)


def _of_another_study(key) -> errors.UserError:
  return errors.UserError(
    f"{key}: is of another study, whose answers are useless without it; name "
    "another folder"
  )
