r"""What a compiler makes of a config, for an accelerator that is not here.

  python benchmarks/compile_for.py --target=v5e:2x4 --compilers=DIR \
      --config=configs/places2.py --config.model.dtype=bfloat16 \
      --config.data.batch_size=128 [--program=inference]

Compiles the training step, or the completion of a batch, and prints one JSON
line. Nothing runs: times and cycles are estimates of the compiler. DIR has the
compilers, which must not be installed next to the package, because JAX starts
differently then (N is the version of JAX, L what its extra `tpu` requires):

  pip install --no-deps --target DIR "libtpu==L"
  pip install --no-deps --target DIR jax-cuda12-plugin==N jax-cuda12-pjrt==N

Keys of the line:

  estimated_million_cycles  of one chip, one instruction after the other; null
                            for GPUs, whose compiler makes no estimate
  estimated_seconds         the same, at the clock rate of the chip
  million_cycles_of_copies  of these, changes of layout
  million_cycles_of_layers  the layers that take most of them
  roofline_seconds          the arithmetic at the peak of the chip or the bytes
                            at its bandwidth, whichever takes longer, with the
                            bodies of loops counted once
  temporary_gib             memory of one device besides arguments and results
  arguments_gib             parameters, optimizer states and the batch
  donated_gib               of these, what the results replace
  collectives               exchanges between devices, by kind
  bfloat16_all_reduces      sums over devices that are rounded on the way
  unestimated_calls         instructions without an estimate; cycles lack them
  loops_of_unknown_length   their bodies count once
  loops, fusions, copies, transposes, convolutions
                            instructions by kind
  compile_seconds           of the processor, and
  compile_seconds_on_the_clock
"""

import json
import pathlib
import sys
import time

import chips
import compiled_program
import machine

from gatedinpaint_jax import command_line, errors

# For configs that import others.
sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))


def main(argv) -> int:
  """Compiles as the flags say and prints one JSON line."""
  options = _parse(argv)
  chip, devices = chips.find_devices(options.target, options.compilers)

  start, clock = time.process_time(), time.monotonic()
  compiled = _PROGRAMS[options.program](options, chip, devices)
  seconds = time.process_time() - start, time.monotonic() - clock
  counts = compiled_program.summarize(compiled.as_text())
  memory, cost = compiled.memory_analysis(), compiled.cost_analysis()
  cycles = counts.pop("estimated_million_cycles")
  gib = lambda size: round(size / 2**30, 4)
  print(
    json.dumps(
      {
        "benchmark": "compile_for",
        "target": options.target,
        "program": options.program,
        "devices": len(devices),
        "estimated_million_cycles": cycles,
        "estimated_seconds": cycles and round(cycles / chip.gigahertz / 1e3, 4),
        "roofline_seconds": _roofline(cost or {}, chip),
        "temporary_gib": gib(memory.temp_size_in_bytes),
        "arguments_gib": gib(memory.argument_size_in_bytes),
        "donated_gib": gib(memory.alias_size_in_bytes),
        **counts,
        "compile_seconds": round(seconds[0]),
        "compile_seconds_on_the_clock": round(seconds[1]),
      }
      | machine.describe(["jax", "jaxlib"])
    )
  )
  return 0


def _parse(argv) -> command_line.Flags:
  flag = command_line.Flags()
  flag.config_file(argv, "What to compile: a file such as configs/places2.py.")
  flag.text(
    "target",
    "The accelerator: v5e, v5p or v6e and its chips, as in v5e:2x4 or "
    "v5p:2x2x1; h100, or h100:8 for eight of them.",
  )
  flag.text("compilers", "Folder with the compilers; see above.")
  flag.choice(
    "program", "train_step", tuple(_PROGRAMS), "The program to compile."
  )
  flag.integer(
    "rows",
    1,
    "Devices that share the rows of each picture, for inference.",
    lower_bound=1,
  )
  return command_line.parse(
    flag, argv, doc=__doc__, required=("config", "target", "compilers")
  )


def _compile_train_step(options, chip, found):
  """Compiles the training step as `training.loop` does."""
  import jax
  import jax.numpy as jnp

  from gatedinpaint_jax.training import devices, step
  from gatedinpaint_jax.training import setup as setup_lib
  from gatedinpaint_jax.training import state as state_lib

  if options.rows > 1:
    raise errors.UserError("`rows`: only for inference")
  config = setup_lib.fill_in(options.config)
  setup = setup_lib.build_setup(config, platform=_networks_for(chip))
  mesh = devices.make_mesh(found)
  batch_size = config.data.batch_size
  devices.check_batch_size(batch_size, mesh, setup.accumulation_steps)
  size = config.data.image_size
  state = jax.eval_shape(
    lambda key: state_lib.create_state(key, setup, image_size=size),
    jax.random.key(0),
  )
  batch = _batch(config, batch_size, jnp.uint8)
  jitted = jax.jit(
    step.make_train_step(setup, setup.turn(config.schedule.steps), mesh=mesh),
    donate_argnums=0,
    out_shardings=devices.replicated(mesh),
  )
  return jitted.lower(
    _placed(state, devices.replicated(mesh)),
    _placed(batch, devices.over_pictures(mesh)),
  ).compile()


def _compile_inference(options, chip, found):
  """Compiles the completion of one batch."""
  import jax
  import jax.numpy as jnp
  import numpy as np

  from gatedinpaint_jax import batch as batch_lib
  from gatedinpaint_jax import build
  from gatedinpaint_jax.inference import spread
  from gatedinpaint_jax.training import devices
  from gatedinpaint_jax.training import setup as setup_lib

  config = setup_lib.fill_in(options.config)
  generator, _ = build.build_networks(config, platform=_networks_for(chip))
  if len(found) % options.rows:
    raise errors.UserError(
      f"`rows` {options.rows}: must divide the {len(found)} devices"
    )
  mesh = jax.sharding.Mesh(
    np.reshape(found, (-1, options.rows)), ("data", "rows")
  )
  devices.check_batch_size(config.data.batch_size, mesh, 1)
  batch = _batch(config, config.data.batch_size, jnp.float32)

  def complete(params, image, mask, sketch, _):
    output = generator.apply(
      {"params": params}, batch_lib.erase(image, mask), mask, sketch
    )
    return batch_lib.composite(output.refined, image, mask)

  variables = jax.eval_shape(generator.init, jax.random.key(0), *batch)
  jitted = jax.jit(spread.over_pictures(complete))
  with jax.set_mesh(mesh):
    return jitted.lower(
      _placed(variables["params"], devices.replicated(mesh)),
      *_placed(batch, devices.over_pictures(mesh)),
      None,
    ).compile()


_PROGRAMS = {
  "train_step": _compile_train_step,
  "inference": _compile_inference,
}


def _networks_for(chip) -> str:
  return {"tpu": "tpu", "cuda": "gpu"}[chip.platform]


def _batch(config, size, dtype):
  import jax

  from gatedinpaint_jax import batch as batch_lib

  one = lambda channels: jax.ShapeDtypeStruct(
    (size, *config.data.image_size, channels), dtype
  )
  sketch = one(1) if config.model.guided else None
  return batch_lib.Batch(one(3), one(1), sketch)


def _placed(tree, sharding):
  import jax

  return jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), tree
  )


def _roofline(cost, chip) -> float | None:
  """Returns the seconds that the chip needs at least, None without counts."""
  flops, size = cost.get("flops", 0), cost.get("bytes accessed", 0)
  if flops <= 0:
    return None
  seconds = max(
    flops / chip.tflops / 1e12, size / chip.gigabytes_per_second / 1e9
  )
  return round(seconds, 4)


if __name__ == "__main__":
  command_line.run(main)
