"""Defines and checks the flags of `evaluate`."""

import re
from collections.abc import Sequence

from absl import flags

from gatedinpaint_jax import command_line, errors
from gatedinpaint_jax.evaluation import cases, frozen_masks, methods, subjects
from gatedinpaint_jax.inference import inpainter
from gatedinpaint_jax.metrics import perceptual

_SIZE = re.compile(r"(\d+)x(\d+)")


class _Recorder(flags.ArgumentParser):
  """Also appends (name, value) to a list, to keep the order across flags."""

  def __init__(self, parser, name, given):
    self._parser, self._name, self._given = parser, name, given

  def parse(self, argument):
    """Returns the value."""
    value = self._parser.parse(argument)
    self._given.append((self._name, value))
    return value


def parse(
  argv, *, doc: str
) -> tuple[command_line.Flags, list[tuple[str, str]]]:
  """Returns the flags, and the subjects as (kind, value) in the order given."""
  flag = command_line.Flags()
  given = []
  for kind, text in (
    ("checkpoint", "A workdir, its checkpoints/ or one step."),
    ("method", f"A method without training: {', '.join(methods.NAMES)}."),
    ("completed", "Pictures of --images as completed by any program."),
  ):
    parser = flags.ArgumentParser()
    if kind == "method":
      parser = flags.EnumParser(methods.NAMES)
    flags.DEFINE_multi(
      _Recorder(parser, kind, given),
      flags.ArgumentSerializer(),
      kind,
      [],
      text,
      flag_values=flag,
    )
  flag.text("images", "Originals: a file, a folder or a 'pattern'.")
  flag.text(
    "masks",
    "free_form (the default), rectangle, or mask files with 128 and above for "
    "hole.",
  )
  flag.integer("mask_seed", 0, "Seed of drawn masks.", lower_bound=0)
  flag.text(
    "size", "HEIGHTxWIDTH; pictures are scaled to cover it and cropped."
  )
  flag.integer(
    "batch_size", 1, "Pictures of one size computed at once.", lower_bound=1
  )
  flag.choice(
    "backend",
    "auto",
    inpainter.BACKENDS,
    "Computes checkpoints; see gatedinpaint_jax.inpaint.",
  )
  flag.text(
    "output", "The report, a .json; a .md and a .png are put next to it."
  )
  flag.text("write_masks", "A folder for the masks, as png.")
  flag.switch(
    "overwrite", "Replace masks, and files that are no earlier report."
  )
  flag.text("fid_weights", "inception-2015-12-05.pt; computes the FID.")
  flag.switch("lpips", "Compute LPIPS.")
  options = command_line.parse(flag, argv, doc=doc, required=("images",))
  _check_together(options, given)
  return options, given


def find_subjects(
  given: Sequence[tuple[str, str]], work: Sequence[cases.Case]
) -> list[subjects.Request]:
  """Returns a request for each (kind, value)."""
  texts = [value for _, value in given]
  found = []
  for kind, value in given:
    paired = work
    if kind == "completed":
      paired = cases.with_completed(work, cases.Place("--completed", value))
    name = value if texts.count(value) == 1 else f"{value} ({kind})"
    with errors.prefixed(f"--{kind}: "):
      identity = subjects.identify(kind, value, paired)
    for other in found:
      if (other.kind, other.identity) == (kind, identity):
        raise errors.UserError(
          f"--{kind}={value}: is the same as --{kind}={other.value}; name it "
          "once"
        )
      if other.name == name:
        raise errors.UserError(
          f"--{kind}={value}: another subject is called {name!r}; write the "
          "path differently"
        )
    found.append(subjects.Request(name, kind, value, paired, identity))
  return found


def make_loader(options: command_line.Flags) -> cases.Loader:
  """Returns the reader of the cases."""
  masks = options.masks or frozen_masks.KINDS[0]
  mask_set = None
  if masks in frozen_masks.KINDS:
    mask_set = frozen_masks.MaskSet(masks, options.mask_seed)
  elif options["mask_seed"].present:
    raise errors.UserError(
      f"--mask_seed={options.mask_seed}: is for drawn masks, not for "
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
  loader = cases.Loader(mask_set, size)
  if options.lpips:
    loader = loader._replace(min_side=perceptual.MIN_SIDE)
  if size:
    cases.check_size(f"--size={options.size}", size, loader.min_side)
  return loader


def _check_together(options, given) -> None:
  """Raises UserError if flags contradict each other or some are missing."""
  if given and not options.output:
    raise errors.UserError(f"--output is missing: {options['output'].help}")
  subject = " or ".join(f"--{kind}" for kind in subjects.KINDS)
  if not given and (options.output or not options.write_masks):
    raise errors.UserError(f"nothing to evaluate: name a {subject}")
  for name in ("fid_weights", "lpips"):
    if not given and options[name].value:
      raise errors.UserError(
        f"--{name}: needs something to score; name a {subject}, or leave it out"
      )
  if options.completed and not options.masks:
    raise errors.UserError(
      "--masks is missing: name those that --completed was made with"
    )
