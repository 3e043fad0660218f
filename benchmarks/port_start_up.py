"""Completes one picture with the PyTorch port, for `start_up.py` to time.

Only for that file, which starts this one with the Python that has PyTorch. The
port is not compiled and its weights are random. Prints one JSON line: for each
stage the clock of the machine and the seconds of the processor since the start.
"""

import json
import time

import port_inference
import torch


def main():
  """Prints when each stage was reached."""
  stages = {"imported": _now()}
  turn = port_inference.build_turn(port_inference.parse_flags())
  stages["ready"] = _now()
  turn()
  stages["first_picture"] = _now()
  turn()
  stages["second_picture"] = _now()
  versions = {"torch": torch.__version__}
  print(json.dumps({"stages": stages, "versions": versions}))


def _now():
  return time.monotonic(), time.process_time()


if __name__ == "__main__":
  main()
