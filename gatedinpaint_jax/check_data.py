r"""Tells what a training would find, without training.

  python -m gatedinpaint_jax.check_data --config=configs/folder.py \
      --config.data.path=PHOTOS [--json]

Counts pictures by format, names what is passed over and why, and what is odd:
masks without holes or nearly all hole, sketches that are mostly line, pictures
smaller than the crop, files that are both trained on and held out. Training
looks at a thousand files of each kind in the same way before its first step.

Exit codes: 0 nothing stops a training, perhaps with notes; 2 something does, or
a mistake in the config or the flags.
"""

import json

from gatedinpaint_jax import command_line, terminal


def main(argv) -> int:
  """Looks at the files of a config and prints what they are."""
  flag = command_line.Flags()
  flag.config_file(argv, "What would be trained: as for `main`.")
  flag.switch("json", "Print one line of JSON.")
  options = command_line.parse(flag, argv, doc=__doc__, required=("config",))
  # Takes a second to import; mistaken flags should not have to wait for it.
  from gatedinpaint_jax.data import survey, value_ranges
  from gatedinpaint_jax.training import setup

  terminal.tidy()
  config = value_ranges.fill_in(setup.fill_in(options.config))
  found = survey.look(config)
  if config.data.value_range != options.config.data.get("value_range", ()):
    ranges = [list(pair) for pair in config.data.value_range]
    found.facts["training"]["config.data.value_range"] = ranges
  text = "\n".join(found.lines())
  print(json.dumps(found._asdict()) if options.json else text)
  return command_line.MISTAKE if found.problems else 0


if __name__ == "__main__":
  command_line.run(main)
