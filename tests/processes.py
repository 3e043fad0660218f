"""Starts the program that trains as several processes on this machine."""

import os
import pathlib
import socket
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[1]


def start(folder, config, *, processes, devices, cache, flags=(), of_last=()):
  """Starts one run; returns its processes.

  Args:
    folder: gets `process_0.log` and so on.
    config: path of the config's file; the workdir is `folder / "run"`.
    processes: how many.
    devices: of each process.
    cache: folder of compiled programs. Runs that share it give the same path:
      JAX counts the path itself as an option of a program.
    flags: further ones.
    of_last: further ones of the last process alone.
  """
  with socket.socket() as free:
    free.bind(("localhost", 0))
    port = free.getsockname()[1]
  environment = {
    **os.environ,
    "PYTHONPATH": str(ROOT),
    "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
    "JAX_PLATFORMS": "cpu",
    "JAX_COMPILATION_CACHE_DIR": str(cache),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.2",
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
  }
  started = []
  for process in range(processes):
    joining = (
      "--distributed",
      f"--coordinator=localhost:{port}",
      f"--processes={processes}",
      f"--process={process}",
    )
    program = (sys.executable, "-m", "gatedinpaint_jax.main")
    with open(log_of(folder, process), "w") as log:
      started.append(
        subprocess.Popen(
          [
            *program,
            f"--config={config}",
            f"--workdir={folder / 'run'}",
            *(joining if processes > 1 else ()),
            *flags,
            *(of_last if process == processes - 1 else ()),
          ],
          env=environment,
          stdout=log,
          stderr=log,
        )
      )
  return started


def log_of(folder, process) -> pathlib.Path:
  """Returns where a process of the newest run wrote what it said."""
  return folder / f"process_{process}.log"


def wait(started, *, timeout=300) -> list[int]:
  """Waits for the ends of processes; returns their exit codes."""
  try:
    return [process.wait(timeout) for process in started]
  finally:
    kill(started)


def kill(started) -> None:
  """Leaves none of the processes running."""
  for process in started:
    process.kill()
    process.wait()
