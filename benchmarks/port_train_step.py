"""Runs training steps of the PyTorch port nipponjo/deepfillv2-pytorch.

Only for `train_step.py`, which starts this file with the Python that has
PyTorch. It builds the networks and the losses of the port's own checkout and
repeats what one iteration of its `train.py` does: generator, discriminator
update, generator update, and the reading of the losses that its log needs.
Pictures are random and on the device, the mask is a box, the weights are fresh.
On the processor all is in eager mode on one thread; on a GPU the networks are
compiled by torch.compile and their channels are last.

  python benchmarks/port_train_step.py --port ~/deepfillv2-pytorch
"""

import argparse
import math
import sys

import port_device
import torch
import turns


def parse_flags():
  """Reads the command line."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("--port", required=True, help="checkout of the port")
  parser.add_argument("--size", type=int, default=128, help="pixels a side")
  parser.add_argument("--batch", type=int, default=2, help="pictures a step")
  parser.add_argument("--width", type=int, default=48, help="first layer")
  parser.add_argument("--compile", action="store_true", help="torch.compile")
  port_device.add_flags(parser)
  return parser.parse_args()


def build_step(flags, device):
  """Returns a function that runs one iteration and returns its losses."""
  sys.path.insert(0, flags.port)
  from model import losses, networks

  torch.manual_seed(0)
  generator = networks.Generator(
    cnum_in=5, cnum_out=3, cnum=flags.width, return_flow=False
  ).train()
  discriminator = networks.Discriminator(
    cnum_in=4, cnum=flags.width * 4 // 3
  ).train()
  generator, discriminator = (
    port_device.put(network, device) for network in (generator, discriminator)
  )
  adam = {"lr": 1e-4, "betas": (0.5, 0.999)}
  generator_adam = torch.optim.Adam(generator.parameters(), **adam)
  discriminator_adam = torch.optim.Adam(discriminator.parameters(), **adam)
  if flags.compile or device.type == "cuda":
    generator, discriminator = map(torch.compile, (generator, discriminator))

  image = torch.rand(flags.batch, 3, flags.size, flags.size) * 2 - 1
  image = port_device.put(image, device)
  mask = torch.zeros(1, 1, flags.size, flags.size, device=device)
  quarter = flags.size // 4
  mask[:, :, quarter:-quarter, quarter:-quarter] = 1
  masks = mask.expand(flags.batch, -1, -1, -1)

  def step():
    incomplete = image * (1 - mask)
    ones = torch.ones_like(masks)
    with port_device.autocast(flags, device):
      coarse, refined = generator(
        torch.cat([incomplete, ones, ones * mask], dim=1), mask
      )
      fake = refined * mask + incomplete * (1 - mask)
      real_and_fake = torch.cat([image, fake.detach()])
      scores = discriminator(
        torch.cat([real_and_fake, torch.cat([masks, masks])], dim=1)
      )
      discriminator_loss = losses.hinge_loss_d(*scores.split(flags.batch))
    discriminator_adam.zero_grad()
    discriminator_loss.backward()
    discriminator_adam.step()

    with port_device.autocast(flags, device):
      l1 = (image - coarse).abs().mean() + (image - refined).abs().mean()
      fake_scores = discriminator(torch.cat([fake, masks], dim=1))
      generator_loss = losses.hinge_loss_g(fake_scores) + l1
    generator_adam.zero_grad()
    # The port lets this reach the discriminator's weights too; it clears their
    # gradients before it uses them.
    generator_loss.backward()
    generator_adam.step()
    return discriminator_loss.item(), generator_loss.item()

  return step


def main():
  """Answers the lines on stdin."""
  flags = parse_flags()
  device = port_device.choose(flags)
  if device.type == "cpu":
    # The threads follow the caller's choice of cores, which is one.
    torch.set_num_threads(1)
  step = build_step(flags, device)

  def turn():
    losses = step()
    port_device.wait(device)
    if not all(map(math.isfinite, losses)):
      sys.exit(f"the port's losses are not finite: {losses}")

  versions = {"torch": torch.__version__}
  turns.answer(turn, versions, gpu=port_device.name(device))


if __name__ == "__main__":
  main()
