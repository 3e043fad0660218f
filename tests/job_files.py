"""Empty files in the current folder, and the jobs that they make."""

import os

import pytest

from gatedinpaint_jax import command_line, errors
from gatedinpaint_jax.inference import jobs


def touch(*names):
  for name in names:
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    with open(name, "w"):
      pass


def find(image, mask, output, sketch=(), **options):
  """Calls `find`; single values need no list."""
  listed = [[x] if isinstance(x, str) else x for x in (image, mask, sketch)]
  return jobs.find(*listed, output, **options)


def refusal(*arguments, **options):
  with pytest.raises(errors.UserError) as caught:
    find(*arguments, **options)
  assert "\n" not in str(caught.value)
  return command_line.with_flags(str(caught.value))
