"""Defines and checks the flags of `evaluate`."""

import contextlib
import math
import re
from collections.abc import Iterator, Sequence

from absl import flags

from gatedinpaint_jax import command_line, errors
from gatedinpaint_jax import values as values_lib
from gatedinpaint_jax.evaluation import cases, frozen_masks, methods, subjects
from gatedinpaint_jax.inference import backends
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
  flag.integer(
    "channels",
    3,
    "Of the pictures, where no checkpoint says it.",
    lower_bound=1,
  )
  flag.text(
    "value_range",
    "LOW,HIGH of the data, or a pair for each channel, likewise.",
  )
  flag.number("no_data", "A value that stands for a missing one, likewise.")
  flag.choice(
    "backend",
    "auto",
    backends.NAMES,
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


def find_values(
  options: command_line.Flags, requests: Sequence[subjects.Request]
) -> values_lib.Values:
  """Returns the values of all pictures: those of checkpoints, or of flags.

  Raises:
    UserError: if they contradict each other, or are not for what is computed.
  """
  paths = [r.value for r in requests if r.kind == "checkpoint"]
  found = [_read_checkpoint(options, path) for path in paths]
  for path, other in zip(paths, found, strict=True):
    if other != found[0]:
      raise errors.UserError(
        f"--checkpoint={path}: is of other channels, value_range or no_data"
        f" than --checkpoint={paths[0]}; evaluate them in two runs"
      )
  values = found[0] if found else _read_values(options, options.channels)
  for name in ("fid_weights", "lpips"):
    if options[name].value and values.channels != 3:
      raise errors.UserError(
        f"--{name}: is for RGB, not for {values.channels} channels; leave it"
        " out"
      )
  return values


def _read_checkpoint(options, path) -> values_lib.Values:
  """Returns the values of a checkpoint, which no flag may contradict."""
  with errors.prefixed(f"--checkpoint={path}: "):
    found = subjects.read_values(path)
  stated = _read_values(options, found.channels)
  for flag, given, own in (
    ("channels", options.channels, found.channels),
    ("value_range", _in_words(stated), _in_words(found)),
    ("no_data", stated.no_data, found.no_data),
  ):
    if options[flag].present and given != own:
      raise errors.UserError(
        f"--{flag}={options[flag].value}: the checkpoint {path} has"
        f" {'none' if own is None else own}; leave the flag out"
      )
  return found


def _in_words(values) -> str:
  """Returns the ranges as the flag takes them, with a pair for each channel."""
  return ",".join(f"{limit:g}" for pair in values.ranges for limit in pair)


def _read_values(options, channels) -> values_lib.Values:
  """Returns the values that the flags describe."""
  given, no_data = options.value_range, options.no_data
  limits = []
  with contextlib.suppress(ValueError):
    limits = [float(limit) for limit in given.split(",")] if given else []
  ranges = tuple(zip(limits[::2], limits[1::2], strict=False))
  if given and not (
    len(limits) in (2, 2 * channels)
    and all(-math.inf < low < high < math.inf for low, high in ranges)
  ):
    raise errors.UserError(
      f"--value_range={given}: must be LOW,HIGH, such as 0,4095, or such a pair"
      f" for each of {channels} channels"
    )
  if no_data is not None and math.isnan(no_data):
    no_data = None  # NaN always is
  ranges *= channels // len(ranges) if ranges else 1
  return values_lib.Values(channels, ranges, no_data)


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


@contextlib.contextmanager
def named(options: command_line.Flags) -> Iterator[None]:
  """Names flags in errors that name config keys, if no checkpoint has any."""
  try:
    yield
  except errors.UserError as error:
    if options.checkpoint:
      raise
    text = re.sub(r"config\.(model|data)\.(?=[a-z])", "--", str(error))
    raise errors.UserError(text) from error


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
