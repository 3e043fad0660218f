"""The files of a checkpoint: are they all there, and can they be read?"""

import json
import pathlib

import tensorstore as ts

# What orbax and tensorstore raise for files that are not what they wrote.
DAMAGE = (OSError, ValueError, KeyError, AttributeError, TypeError)


def check_whole(folder: pathlib.Path) -> None:
  """Raises one of `DAMAGE` unless a checkpoint is there and can be read.

  Not by orbax, whose restore waits for all processes.
  """
  json.loads((folder / "_CHECKPOINT_METADATA").read_text("utf-8"))
  config = json.loads((folder / "config" / "metadata").read_text("utf-8"))
  for item in ("state", "generator"):
    # Imported weights may lack what training needs.
    is_needed = item == "generator" or "imported_from" not in config
    if is_needed and not (folder / item).is_dir():
      raise FileNotFoundError(f"{item} is missing")
    read_through(folder / item)


def read_through(item) -> None:
  """Reads all bytes of an item once, which fails in order if it is damaged.

  A restore by orbax that fails leaves tasks behind that print tracebacks.

  Args:
    item: folder of arrays in a checkpoint; none is not damaged.
  """
  if not item.is_dir():
    return
  for described in ("_METADATA", "_sharding", "array_metadatas/process_0"):
    if (item / described).is_file():
      json.loads((item / described).read_text("utf-8"))
  store = ts.KvStore.open(
    {"driver": "ocdbt", "base": {"driver": "file", "path": f"{item}/"}}
  ).result()
  for value in [store.read(key) for key in store.list().result()]:
    value.result()
