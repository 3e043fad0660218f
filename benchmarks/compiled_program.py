"""Reads a compiled program: its instructions, how often each runs, cycles."""

import collections
import re
from collections.abc import Iterator
from typing import NamedTuple

_COMPUTATION = re.compile(r"^(ENTRY )?%?([\w.\-]+) .*\{$")
_INSTRUCTION = re.compile(
  r"^  (?:ROOT )?%?[\w.\-]+ = (?P<shape>.*?) (?P<kind>[a-z][a-z\d\-]*)\("
)
_CYCLES = re.compile(r'"estimated_cycles":"(\d+)"')
_OVERFLOW = 10**12  # a few estimates of libtpu are near 2^63
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"\}')
_CONDITION = re.compile(r"condition=%?([\w.\-]+)")
_BOUND = re.compile(r"= s32\[\]\S* constant\((\d+)\)")
_BODIES = re.compile(
  r"(?:body|to_apply|calls|true_computation|false_computation)=%?([\w.\-]+)"
)
_BRANCHES = re.compile(r"branch_computations=\{([^}]*)\}")
_NAME = re.compile(r'op_name="([^"]*)"')
# What surrounds the names of modules: transformations of JAX.
_TRANSFORMATION = re.compile(r"\w+\(|\)")
_WRAPPERS = ("train_step", "predict_shared", "shard_map", "")
COLLECTIVES = (
  "all-gather",
  "all-reduce",
  "all-to-all",
  "collective-broadcast",
  "collective-permute",
  "ragged-all-to-all",
  "reduce-scatter",
)
# They name or allocate memory.
_FREE_CALLS = ("AllocateBuffer", "AssumeGatherIndicesInBound", "ConcatBitcast")


class Instruction(NamedTuple):
  """One instruction of a compiled program.

  Attributes:
    kind: such as "fusion"; an asynchronous one has that of its start, without
      the ending.
    shape: of its result, as the compiler writes it.
    text: the entire line.
    times: how often it runs.
    has_unknown_length: whether it is a loop whose body is counted once.
  """

  kind: str
  shape: str
  text: str
  times: int
  has_unknown_length: bool = False

  @property
  def cycles(self) -> int:
    """Estimate of the compiler for all times, 0 without one."""
    found = _CYCLES.search(self.text)
    cycles = int(found[1]) if found else 0
    return self.times * cycles if cycles < _OVERFLOW else 0

  @property
  def layer(self) -> str:
    """The network and the layer that it belongs to, or its operation."""
    found = _NAME.search(self.text)
    if found is None:
      return "unnamed"
    path = _TRANSFORMATION.sub("", found[1]).split("/")
    path = [part for part in path if part not in _WRAPPERS]
    return "/".join(path[:3])


def instructions(text: str) -> Iterator[Instruction]:
  """Yields what runs: the instructions of the entry and of what it calls.

  The body of a loop counts as often as it runs, both branches of a condition
  once. What is fused is one instruction.
  """
  entry, computations = _split(text)
  yield from _walk(computations, entry, 1)


def summarize(text: str) -> dict:
  """Returns the counts of a program, and its cycles if they are estimated."""
  found = list(instructions(text))
  kinds = collections.Counter()
  layers = collections.Counter()
  for instruction in found:
    kinds[instruction.kind] += instruction.times
    layers[instruction.layer] += instruction.cycles
  reductions = [x for x in found if x.kind == "all-reduce"]
  calls = [x for x in found if x.kind == "custom-call" and not x.cycles]
  cycles = sum(layers.values())
  copies = sum(x.cycles for x in found if x.kind == "copy")
  return {
    "estimated_million_cycles": _millions(cycles) if cycles else None,
    "million_cycles_of_copies": _millions(copies) if cycles else None,
    "million_cycles_of_layers": {
      layer: _millions(count)
      for layer, count in layers.most_common(20)
      if count
    },
    "collectives": {name: kinds[name] for name in COLLECTIVES if kinds[name]},
    "bfloat16_all_reduces": sum(
      x.times for x in reductions if "bf16" in x.shape
    ),
    "loops": kinds["while"],
    "loops_of_unknown_length": sum(x.has_unknown_length for x in found),
    "unestimated_calls": sum(
      x.times for x in calls if not any(name in x.text for name in _FREE_CALLS)
    ),
    "fusions": kinds["fusion"],
    "copies": kinds["copy"],
    "transposes": kinds["transpose"]
    + sum(x.times for x in found if "transpose" in x.text.partition(" = ")[0]),
    "convolutions": kinds["convolution"]
    + sum(x.times for x in calls if "__cudnn$conv" in x.text),
  }


def _split(text):
  """Returns the name of the entry and the lines of each computation."""
  computations, lines, entry = {}, None, None
  for line in text.splitlines():
    if opened := _COMPUTATION.match(line):
      lines = computations[opened[2]] = []
      if opened[1]:
        entry = opened[2]
    elif lines is not None and line.startswith("  "):
      lines.append(line)
  return entry, computations


def _walk(computations, name, times):
  for line in computations[name]:
    found = _INSTRUCTION.match(line)
    if not found:
      continue
    kind = found["kind"]
    if kind.endswith("-done"):
      continue
    # An asynchronous copy brings data closer, others change their layout.
    if kind != "copy-start":
      kind = kind.removesuffix("-start")
    trips = _trips(computations, line) if kind == "while" else 1
    yield Instruction(kind, found["shape"], line, times, trips is None)
    if kind in ("while", "call", "conditional", "async"):
      repeats = times * (trips or 1)
      bodies = _BODIES.findall(line)
      for group in _BRANCHES.findall(line):
        bodies += [body.strip(" %") for body in group.split(",")]
      for body in bodies:
        yield from _walk(computations, body, repeats)


def _trips(computations, loop) -> int | None:
  """Returns how often a loop runs; None if that is not known."""
  if known := _TRIPS.search(loop):
    return int(known[1])
  # JAX counts from 0 up to a constant.
  condition = "\n".join(computations[_CONDITION.search(loop)[1]])
  bounds = _BOUND.findall(condition)
  if len(bounds) == 1 and "direction=LT" in condition:
    return int(bounds[0])
  return None


def _millions(cycles) -> float:
  return round(cycles / 1e6, 1)
