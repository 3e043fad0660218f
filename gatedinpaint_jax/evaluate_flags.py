"""The flags of `evaluate`, what they name, and which are rejected."""

import re
from collections.abc import Sequence

from absl import flags

from gatedinpaint_jax import command_line, errors
from gatedinpaint_jax.evaluation import cases, frozen_masks, methods, subjects
from gatedinpaint_jax.inference import inpainter, photo_files
from gatedinpaint_jax.metrics import perceptual

_SIZE = re.compile(r"(\d+)x(\d+)")


class _InOrder(flags.ArgumentParser):
  """Parses one of several flags and notes the order of all their values."""

  def __init__(self, parser, name, given):
    """Takes what parses a value, and a list to append (name, value) to."""
    self._parser, self._name, self._given = parser, name, given

  def parse(self, argument):
    """Returns the value and appends it to the list."""
    value = self._parser.parse(argument)
    self._given.append((self._name, value))
    return value


def parse(argv, *, doc: str) -> tuple[flags.FlagValues, list[tuple[str, str]]]:
  """Returns the flags, and the subjects as (kind, value) in their order.

  Raises:
    UserError: if a flag is wrong or missing, or two contradict each other.
  """
  values = flags.FlagValues()
  flag = command_line.definers(values)
  given = []
  for kind, text in (
    ("checkpoint", "A workdir, its checkpoints/ or one of its steps."),
    ("method", f"Fills without training: {', '.join(methods.NAMES)}."),
    ("completed", "Results that a program made of --images."),
  ):
    is_choice = kind == "method"
    parser = (
      flags.EnumParser(methods.NAMES) if is_choice else flags.ArgumentParser()
    )
    flags.DEFINE_multi(
      _InOrder(parser, kind, given),
      flags.ArgumentSerializer(),
      kind,
      [],
      text,
      flag_values=values,
    )
  flag.text("images", None, "Originals: a file, a folder or a 'pattern'.")
  flag.text(
    "masks",
    None,
    "free_form (the default), rectangle, or mask files; a hole is 128 and "
    "above.",
  )
  flag.integer("mask_seed", 0, "Of drawn masks.", lower_bound=0)
  flag.text(
    "size", None, "HEIGHTxWIDTH to scale pictures to and crop their middle."
  )
  flag.integer("batch_size", 1, "Pictures of one size at once.", lower_bound=1)
  flag.choice(
    "backend",
    "auto",
    inpainter.BACKENDS,
    "What computes a checkpoint; as of gatedinpaint_jax.inpaint.",
  )
  flag.text(
    "output", None, "The report, a .json; a .md and a .png are put next to it."
  )
  flag.text("write_masks", None, "A folder for the masks, as png.")
  flag.text("fid_weights", None, "inception-2015-12-05.pt, to compute the FID.")
  flag.switch("lpips", False, "Compute LPIPS.")
  options = command_line.parse(values, argv, doc=doc, required=("images",))
  _check_together(options, given)
  return options, given


def places(
  options: flags.FlagValues, loader: cases.Loader
) -> dict[str, cases.Places]:
  """Returns where pictures are read from, by the name of the flag."""
  given = {"images": [options.images], "completed": options.completed}
  if not loader.mask_set:
    given["masks"] = [options.masks]
  return {name: cases.Places(f"--{name}", given[name]) for name in given}


def find_subjects(
  given: Sequence[tuple[str, str]], work: Sequence[cases.Case]
) -> list[subjects.Request]:
  """Returns a request for each (kind, value), in their order.

  Raises:
    UserError: if one does not exist, is given twice, or cannot be loaded for a
      reason that is known before.
  """
  texts = [value for _, value in given]
  found = []
  for kind, value in given:
    own = work
    if kind == "completed":
      own = cases.with_completed(work, cases.Places("--completed", [value]))
    name = value if texts.count(value) == 1 else f"{value} ({kind})"
    with errors.prefixed(f"--{kind}: "):
      identity = subjects.identify(kind, value, own)
    for other in found:
      if (other.kind, other.identity) == (kind, identity):
        raise errors.UserError(
          f"--{kind}={value}: is the same as --{kind}={other.value}; name it "
          "once"
        )
      if other.name == name:
        raise errors.UserError(
          f"--{kind}={value}: another subject is called {name!r}; write its "
          "path differently"
        )
    found.append(subjects.Request(name, kind, value, own, identity))
  return found


def make_loader(options: flags.FlagValues) -> cases.Loader:
  """Returns what reads the cases.

  Raises:
    UserError: for an invalid size, or a seed without drawn masks.
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
      f"--size={options.size}: each side must be {loader.least_side} or more"
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
  """Raises UserError if a flag needs something to score."""
  subject = " or ".join(f"--{kind}" for kind in subjects.KINDS)
  if options.output or not options.write_masks:
    raise errors.UserError(f"nothing to evaluate: name a {subject}")
  for name in ("fid_weights", "lpips"):
    if options[name].value:
      raise errors.UserError(
        f"--{name}: is a score of what filled the holes; name a {subject}, or "
        "leave it out"
      )
