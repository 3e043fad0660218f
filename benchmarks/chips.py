"""Accelerators that are not here, as their compilers describe them."""

import os
import pathlib
import sys
from typing import NamedTuple

from gatedinpaint_jax import errors


class Chip(NamedTuple):
  """What data sheets say of an accelerator.

  Attributes:
    platform: of JAX.
    tflops: peak in bfloat16, 10^12 operations a second.
    gigabytes_per_second: bandwidth of its memory.
    gigahertz: clock rate of its matrix units.
    compiler: file of its compiler in --compilers.
    package: what installs that.
  """

  platform: str
  tflops: float
  gigabytes_per_second: float
  gigahertz: float
  compiler: str
  package: str


_LIBTPU = ("libtpu/libtpu.so", "libtpu")
_CUDA = ("jax_plugins/xla_cuda12", "jax-cuda12-plugin and jax-cuda12-pjrt")
CHIPS = {
  "v5e": Chip("tpu", 197, 819, 1.5, *_LIBTPU),
  "v5p": Chip("tpu", 459, 2765, 1.75, *_LIBTPU),
  "v6e": Chip("tpu", 918, 1640, 1.75, *_LIBTPU),
  "h100": Chip("cuda", 989, 3352, 1.98, *_CUDA),
}
# An H100 SXM, as the compiler wants it described.
_H100 = """
gpu_device_info {
  threads_per_block_limit: 1024 threads_per_warp: 32
  shared_memory_per_block: 49152 shared_memory_per_core: 233472
  threads_per_core_limit: 2048 core_count: 132 fpus_per_core: 128
  block_dim_limit_x: 2147483647 block_dim_limit_y: 65535
  block_dim_limit_z: 65535 memory_bandwidth: 3352320000000
  l2_cache_size: 52428800 clock_rate_ghz: 1.98 device_memory_size: 84978434048
  shared_memory_per_block_optin: 232448
  cuda_compute_capability { major: 9 minor: 0 }
  registers_per_core_limit: 65536 registers_per_block_limit: 65536
}
platform_name: "CUDA" dnn_version_info { major: 9 minor: 8 patch: 0 }
device_description_str: "NVIDIA H100 80GB HBM3"
"""


def find_devices(target: str, compilers: str):
  """Returns the `Chip` of a target and its devices, as JAX describes them.

  `compilers` is the folder with them. JAX must not have been imported before.

  Raises:
    UserError: if there is no such target, or its compiler is not in the folder.
  """
  name, _, shape = target.partition(":")
  errors.check_choice("`target`", name, CHIPS)
  chip = CHIPS[name]
  folder = pathlib.Path(compilers).resolve()
  if not (folder / chip.compiler).exists():
    raise errors.UserError(
      f"`compilers` {compilers}: has no {chip.compiler}; "
      f"pip install --no-deps --target {compilers} {chip.package} in "
      "the versions that this JAX requires"
    )
  os.environ["JAX_PLATFORMS"] = "cpu"
  # Else libtpu asks the cloud which machine this is, for minutes, and only one
  # process can load it.
  os.environ["TPU_SKIP_MDS_QUERY"] = "1"
  os.environ["ALLOW_MULTIPLE_LIBTPU_LOAD"] = "1"
  os.environ["TPU_LIBRARY_PATH"] = str(folder / _LIBTPU[0])
  sys.path.insert(0, str(folder))
  import jax
  from jax.experimental import topologies

  arguments = {"topology_name": target}
  if shape == "1x1":  # by default, a host has four chips
    arguments["chips_per_host_bounds"] = (1, 1, 1)
  if chip.platform == "cuda":
    count = shape or "1"
    if not count.isdecimal() or not int(count):
      raise errors.UserError(f"`target` {target}: wants h100 or h100:N")
    arguments = {"topology_name": name, "topology": f"1x1x{count}"}
    arguments["target_config"] = _H100
  try:
    topology = topologies.get_topology_desc(platform=chip.platform, **arguments)
  except (jax.errors.JaxRuntimeError, ValueError) as error:
    raise errors.UserError(
      f"`target` {target}: {errors.first_words(error)}"
    ) from error
  return chip, topology.devices
