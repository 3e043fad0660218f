"""The flags of `evaluate`, and what of them cannot be."""

import re
from typing import NamedTuple

from absl import flags

from gatedinpaint_jax import command_line, errors
from gatedinpaint_jax.evaluation import cases, frozen_masks, methods, subjects
from gatedinpaint_jax.inference import photo_files
from gatedinpaint_jax.metrics import perceptual

_SIZE = re.compile(r"(\d+)x(\d+)")


class Parsed(NamedTuple):
  """What a person asked for.

  Attributes:
    options: the values of the flags.
    given: the subjects as (kind, value), in the order of the command line.
  """

  options: flags.FlagValues
  given: list[tuple[str, str]]


class _InOrder(flags.ArgumentParser):
  """Parses the values of one flag of several whose common order counts."""

  def __init__(self, parser, name, given):
    """Takes what parses a value, and the list that gets (name, value)."""
    self._parser, self._name, self._given = parser, name, given

  def parse(self, argument):
    """Returns the value and keeps it."""
    value = self._parser.parse(argument)
    self._given.append((self._name, value))
    return value


def parse(argv, *, doc: str) -> Parsed:
  """Parses the arguments of the program.

  Args:
    argv: arguments, the program's name first.
    doc: what `--help` prints above the flags.

  Raises:
    UserError: if they are not right, contradict each other or are too few.
  """
  values = flags.FlagValues()
  flag = command_line.definers(values)
  given = []
  for kind, parser, text in (
    (
      "checkpoint",
      flags.ArgumentParser(),
      "A workdir, its checkpoints/ or one step of it.",
    ),
    (
      "method",
      flags.EnumParser(methods.NAMES),
      f"What fills without training: {', '.join(methods.NAMES)}.",
    ),
    (
      "completed",
      flags.ArgumentParser(),
      "Results that a program made of --images.",
    ),
  ):
    flags.DEFINE_multi(
      _InOrder(parser, kind, given),
      flags.ArgumentSerializer(),
      kind,
      [],
      text,
      flag_values=values,
    )
  flag.text("images", None, "Whole pictures: a file, a folder or a 'pattern'.")
  flag.text(
    "masks",
    None,
    "free_form (if you say nothing), rectangle, or mask files; a hole is 128 "
    "and above.",
  )
  flag.whole("mask_seed", 0, "Of drawn masks.", lower_bound=0)
  flag.text(
    "size", None, "HEIGHTxWIDTH to scale and crop pictures to, the middle."
  )
  flag.whole("batch_size", 1, "Pictures of one size at once.", lower_bound=1)
  flag.text(
    "output", None, "The report: a .json, which gets a .md and .png beside."
  )
  flag.text("write_masks", None, "A folder for the masks, as png.")
  flag.text("fid_weights", None, "inception-2015-12-05.pt, to compute the FID.")
  flag.switch("lpips", False, "Compute LPIPS.")
  options = command_line.parse(values, argv, doc=doc, required=("images",))
  _check_together(options, given)
  return Parsed(options, given)


def make_loader(options: flags.FlagValues) -> cases.Loader:
  """Returns what reads the cases.

  Raises:
    UserError: if there is no such size, or the seed is of no drawn masks.
  """
  masks = options.masks or frozen_masks.KINDS[0]
  mask_set = None
  if masks in frozen_masks.KINDS:
    mask_set = frozen_masks.MaskSet(masks, options.mask_seed)
  elif options["mask_seed"].present:
    raise errors.UserError(
      f"--mask_seed={options.mask_seed}: goes with drawn masks, not with "
      f"--masks={masks}; leave one out"
    )
  size = None
  if options.size:
    match = _SIZE.fullmatch(options.size)
    if not match:
      raise errors.UserError(
        f"--size={options.size}: must be HEIGHTxWIDTH, such as 256x256"
      )
    size = int(match[1]), int(match[2])
    if size[0] * size[1] > photo_files.MOST_PIXELS:
      raise errors.UserError(
        f"--size={options.size}: {photo_files.MOST_PIXELS} pixels in all are "
        "the most"
      )
  loader = cases.Loader(mask_set, size)
  if options.lpips:
    loader = loader._replace(least_side=perceptual.LEAST_SIDE)
  if size and min(size) < loader.least_side:
    raise errors.UserError(
      f"--size={options.size}: {loader.least_side} is the least side"
    )
  return loader


def _check_together(options, given) -> None:
  """Raises UserError if flags contradict each other or some are missing."""
  if given and not options.output:
    raise errors.UserError(f"--output is missing: {options['output'].help}")
  if not given:
    _check_masks_alone(options)
  if options.completed and not options.masks:
    raise errors.UserError(
      "--masks is missing: name those that --completed was made with"
    )


def _check_masks_alone(options) -> None:
  """Raises UserError unless there is nothing to score and nothing asks for."""
  subject = " or ".join(f"--{kind}" for kind in subjects.KINDS)
  if options.output or not options.write_masks:
    raise errors.UserError(f"nothing to evaluate: name a {subject}")
  for name in ("fid_weights", "lpips"):
    if options[name].value:
      raise errors.UserError(
        f"--{name}: is a score of what filled the holes; name a {subject}, or "
        "leave it out"
      )
