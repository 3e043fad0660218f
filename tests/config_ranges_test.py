"""A config that means nothing is refused in one line, before anything runs."""

import math
import sys

import pytest
from flax import traverse_util

from configs import places2
from gatedinpaint_jax import command_line, config_ranges, errors, main
from gatedinpaint_jax.training import train
from tests import tiny_run

HOSTILE = "0 -1 nan inf 1e308 x None () 1000000000000 -1e-9".split()
# An infinite number is the last.
PAIRS = "(0,0) (-1,-1) (1e-9,1e-9) (10000000,10000000) (1e999,1e999)".split()
KEYS = traverse_util.flatten_dict(places2.get_config().to_dict(), sep=".")


class WouldTrainError(Exception):
  """Stops a run before it makes its workdir."""


@pytest.fixture
def run(photos, tmp_path, monkeypatch):
  """Runs `main` with flags until it would train, with holes in its batch."""
  config = tiny_run.write_config(tmp_path, photos)
  find_pictures = train.data_build.find_pictures

  def find_and_draw(config):
    found = find_pictures(config)
    batch = next(found.batches())
    assert batch.mask.any(axis=(1, 2, 3)).all()
    return found

  def stop(*_, **__):
    raise WouldTrainError

  def run(*flags):
    argv = ["main", f"--config={config}", f"--workdir={tmp_path}/run", *flags]
    monkeypatch.setattr(sys, "argv", argv)
    command_line.run(main.main)

  monkeypatch.setattr(train.data_build, "find_pictures", find_and_draw)
  monkeypatch.setattr(train.workdir_lib, "make", stop)
  return run


@pytest.mark.parametrize("key", KEYS)
def test_hostile_value_is_refused_by_its_key_or_trains(key, run, capsys):
  is_pair = isinstance(KEYS[key], tuple)
  for value in [*HOSTILE, *(PAIRS if is_pair else [])]:
    with pytest.raises((SystemExit, WouldTrainError)) as stopped:
      run(f"--config.{key}={value}")
    if isinstance(KEYS[key], float) and value in ("nan", "inf", "1e308"):
      assert stopped.type is SystemExit
    if stopped.type is SystemExit:
      printed = capsys.readouterr().err.strip().splitlines()[-1]
      assert stopped.value.code == 2 and printed.startswith("error: ")
      assert f"config.{key}" in printed


@pytest.mark.parametrize("number", [math.nan, math.inf, 1e308, -11.0])
def test_every_number_has_a_range(number):
  for key, value in KEYS.items():
    if isinstance(value, int | float) and not isinstance(value, bool):
      with pytest.raises(errors.UserError, match=f"config.{key}=.* in "):
        config_ranges.check({key: number})
    elif isinstance(value, tuple) and (key, number) != (
      "data.value_range",
      -11,
    ):
      with pytest.raises(errors.UserError, match=f"config.{key}=.* in "):
        config_ranges.check({key: (*value[:1], number)})


def test_bounds_are_part_of_a_range_or_not():
  name = "optimizer.average_decay"  # [0, 1)
  config_ranges.check({name: 0}, section="")
  with pytest.raises(errors.UserError, match=r"=1.0: must be in \[0, 1\)"):
    config_ranges.check({name: 1.0})
  with pytest.raises(errors.UserError, match=r"=0.0: must be in \(0, 1\]"):
    config_ranges.check({"discount": 0.0}, section="loss.")
  config_ranges.check({"discount": 1}, section="loss.")
