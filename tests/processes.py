"""Programs in processes of their own, and a training in several of them."""

import os
import pathlib
import socket
import subprocess
import sys

import jax

ROOT = pathlib.Path(__file__).parents[1]


def run(*arguments, **environment) -> subprocess.CompletedProcess:
  """Runs Python with the package on its path to its end, on one device."""
  return subprocess.run(
    [sys.executable, *map(str, arguments)],
    env={**_environment(devices=1), **environment},
    cwd=ROOT,
    capture_output=True,
    text=True,
    timeout=300,
  )


def ended() -> int:
  """Returns the number of a process that is no more."""
  process = subprocess.Popen([sys.executable, "-c", ""])
  process.wait()
  return process.pid


def xla_flags(*, devices) -> str:
  """Returns the flags of the tests' own process, with so many devices."""
  count = "--xla_force_host_platform_device_count"
  flags = [x for x in os.environ["XLA_FLAGS"].split() if count not in x]
  return " ".join([*flags, f"{count}={devices}"] if devices > 1 else flags)


def _environment(*, devices):
  return {
    **os.environ,
    "PYTHONPATH": str(ROOT),
    "XLA_FLAGS": xla_flags(devices=devices),
    "JAX_PLATFORMS": "cpu",
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
  }


def keep_compiled() -> dict[str, str]:
  """Returns the variables by which processes share what they compile.

  One path for all, which JAX counts as an option of a program; not that of the
  tests themselves, since a killed process may leave half a program.
  """
  folder = jax.config.jax_compilation_cache_dir
  return {
    "JAX_COMPILATION_CACHE_DIR": f"{folder}_by_processes",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.2",
  }


def start(folder, config, *, processes=1, devices=1, flags=(), of_last=()):
  """Starts one run with its workdir `folder / "run"`; returns its processes.

  Each has so many devices, writes into `log_of`, and takes further `flags`,
  those `of_last` only the last process.
  """
  with socket.socket() as free:
    free.bind(("localhost", 0))
    port = free.getsockname()[1]
  environment = _environment(devices=devices) | keep_compiled()
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
