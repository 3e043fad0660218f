"""Completes pictures with the PyTorch port nipponjo/deepfillv2-pytorch.

Only for `inference.py` and `memory.py`, which start this file with the Python
that has PyTorch. It builds the generator of the port's own checkout, compiles
it with torch.compile unless told not to, and does for each line on stdin what
`turns.py` asks for.

  python benchmarks/port_inference.py --port ~/deepfillv2-pytorch
"""

import argparse
import contextlib
import os
import sys

import torch
import turns


def parse_flags():
  """Reads the command line."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("--port", required=True, help="checkout of the port")
  parser.add_argument("--size", type=int, default=256, help="pixels a side")
  parser.add_argument("--batch", type=int, default=1, help="pictures at once")
  parser.add_argument("--bfloat16", action="store_true", help="autocast")
  parser.add_argument("--eager", action="store_true", help="do not compile")
  return parser.parse_args()


def build_turn(flags):
  """Returns a function that completes a batch, from uint8 to uint8."""
  torch.set_num_threads(len(os.sched_getaffinity(0)))
  sys.path.insert(0, flags.port)
  from model import networks

  torch.manual_seed(0)
  generator = networks.Generator(
    cnum_in=5, cnum_out=3, cnum=48, return_flow=False
  ).eval()
  if not flags.eager:
    generator = torch.compile(generator)
  size = (flags.size, flags.size)
  image = torch.randint(0, 256, (flags.batch, *size, 3), dtype=torch.uint8)
  mask = torch.zeros(1, 1, *size)
  quarter = flags.size // 4
  mask[:, :, quarter:-quarter, quarter:-quarter] = 1
  masks = mask.expand(flags.batch, -1, -1, -1)
  precision = contextlib.nullcontext()
  if flags.bfloat16:
    precision = torch.autocast("cpu", torch.bfloat16)

  def turn():
    with torch.no_grad(), precision:
      pixels = image.permute(0, 3, 1, 2).float() / 127.5 - 1
      incomplete = pixels * (1 - mask)
      ones = torch.ones_like(masks)
      _, refined = generator(
        torch.cat([incomplete, ones, ones * mask], dim=1), mask
      )
      completed = pixels * (1 - mask) + refined.float() * mask
      return ((completed + 1) * 127.5).round().byte().permute(0, 2, 3, 1)

  return turn


def main():
  """Answers the lines on stdin."""
  turns.answer(build_turn(parse_flags()), {"torch": torch.__version__})


if __name__ == "__main__":
  main()
