"""How much memory the whole program needs, and how long it runs, by size.

  python benchmarks/memory.py [--sizes=256,512,1024,2048] [--cores=1]

For each size, each program completes pictures in a process of its own, one
after the other: ours by each of `--backends`, exactly or by `--large=detail`
(`jax_detail`), and the peers whose checkouts are
given (`peers.py`), `port` under torch.compile, `port_eager` without, and
`released`. Full width, float32, random weights, from uint8 to uint8.

Prints one JSON line. Of each size and program: `peak_megabytes` of resident
memory (10^6 bytes) from the start to the last picture, what compiles included;
`ready_megabytes`, that until the model is there; the seconds of a picture, of
the processor and on the clock. The first picture, which compiles, does not
count, unless there is no other (--repeats=0). None for a program that ended
early, as does one that lacks memory.
"""

import json
import pathlib
import sys

import command
import machine
import medians
import peers
import turns

_HERE = pathlib.Path(__file__).resolve()

_SIZES = command.sides("sizes", [256, 512, 1024], "Sides in pixels.")
_BACKENDS = command.names(
  "backends",
  ["jax", "openvino"],
  ("jax", "openvino", "openvino_bf16"),
  "What computes ours.",
)
_LARGE = command.names(
  "large", ["exact"], ("exact", "detail"), "How ours fills large pictures."
)
_REPEATS = command.whole("repeats", 3, "Pictures after the first one.", least=0)
_CORES = command.cores("cores", "Processor cores to use; all.")


def main(_):
  """Measures and prints one JSON line."""
  # Inherited by the processes that are measured.
  command.use_cores(_CORES.value)
  told = machine.describe([])
  sizes = {}
  for size in _SIZES.value:
    sizes[size] = {}
    for name, started in _commands(size).items():
      try:
        with turns.Program(started) as program:
          told["versions"] |= program.versions
          sizes[size][name] = _measure(program)
      except turns.EndedEarly:
        sizes[size][name] = None
  print(json.dumps({"benchmark": "memory", "sizes": sizes} | told))


def _commands(size) -> dict:
  """Returns the commands of the programs by name."""
  ours = [sys.executable, str(_HERE.with_name("inference.py")), "--answer"]
  commands = {
    backend if large == "exact" else f"{backend}_{large}": [
      *(*ours, f"--backends={backend}"),
      *(f"--size={size}", f"--large={large}"),
    ]
    for backend in _BACKENDS.value
    for large in _LARGE.value
  }
  if peers.PORT.value:
    port = peers.port("port_inference.py", f"--size={size}")
    commands |= {"port": port, "port_eager": [*port, "--eager"]}
  if peers.RELEASED.value:
    commands["released"] = peers.released(f"--size={size}")
  return commands


def _measure(program) -> dict:
  first, *others = [program.take() for _ in range(1 + _REPEATS.value)]
  taken = others or [first]
  return {
    "peak_megabytes": round(taken[-1].peak_bytes / 1e6),
    "ready_megabytes": round(program.peak_bytes / 1e6),
    "processor_seconds": medians.summarize(
      [turn.processor_seconds for turn in taken]
    ),
    "seconds": medians.summarize([turn.seconds for turn in taken]),
  }


if __name__ == "__main__":
  command.run(main)
